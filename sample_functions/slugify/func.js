// Turns {"text": "Some Title!"} into {"slug": "some-title"}.
"use strict";

/** Calls handle(headers, body) for each request on stdin, in order. Header names are in lower case. */
function onRequest(handle) {
  let bytes = Buffer.alloc(0);
  process.stdin.on("data", (chunk) => {
    // A chunk is whatever has arrived: half a request, or two. So: collect, and take out whole requests only.
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      const headEnd = bytes.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const headers = {};
      for (const line of bytes.toString("latin1", 0, headEnd).split("\r\n").slice(1)) {
        const colon = line.indexOf(":");
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
      }
      const bodyStart = headEnd + 4;
      const bodyEnd = bodyStart + Number(headers["content-length"]); // counts bytes, not characters
      if (bytes.length < bodyEnd) return;
      const body = bytes.toString("utf8", bodyStart, bodyEnd);
      bytes = bytes.subarray(bodyEnd);
      handle(headers, body);
    }
  });
}

/** Answers the request. */
function answer(status, value) {
  const body = JSON.stringify(value) + "\n";
  const length = Buffer.byteLength(body);
  process.stdout.write(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`,
  );
}

function slugify(text) {
  return text
    .normalize("NFKD") // "é" becomes "e" and an accent
    .replace(/\p{Mark}/gu, "") // the accent goes
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, "-")
    .replace(/^-|-$/g, "");
}

onRequest((headers, body) => {
  const log = (text) => console.error(`${headers["task-id"]} ${text}`); // console.log would write into the answers
  let text;
  try {
    text = String(JSON.parse(body).text ?? "");
  } catch (error) {
    log(`cannot read the payload: ${error.message}`);
    answer("400 Bad Request", { error: 'send JSON such as {"text": "Some Title"}' });
    return;
  }
  const slug = slugify(text);
  log(`${text.length} characters in, ${slug.length} out`);
  answer("200 OK", { slug });
});
