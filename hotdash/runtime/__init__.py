"""The runtime of hot containers: queues, scaling, dispatch, deploys. `Runtime` is its only face."""
