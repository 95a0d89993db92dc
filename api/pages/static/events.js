/** Server-Sent Events in the body of an answer. `EventSource` would read them, but cannot send a key. */

/** @type {(body: ReadableStream<Uint8Array>) => AsyncGenerator<Record<string, string>>} The fields of each block; "" is a comment. */
export async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (let text = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (text + value).split("\n\n");
      text = blocks.pop();
      for (const block of blocks) yield fields(block);
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have broken off
  }
}

/** @type {(block: string) => Record<string, string>} */
function fields(block) {
  return Object.fromEntries(block.split("\n").map((line) => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]));
}
