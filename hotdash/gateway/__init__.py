"""The HTTP front door: functions by their routes, tasks by their ids, metrics. It sees the runtime's face alone."""
