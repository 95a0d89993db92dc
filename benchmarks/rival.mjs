// The seed example with sharp; run by rivals.py.
// Reads lines with a format and an output file, and prints the CPU time of each picture in ms.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [folder, basePath, overlayPath, place] = process.argv.slice(2);
const sharp = createRequire(`${folder}/`)("sharp");
sharp.cache(false); // decode the inputs each time
sharp.concurrency(1);
const [base, overlay] = [readFileSync(basePath), readFileSync(overlayPath)];
const { factor, x, y } = JSON.parse(place);

async function render(format) {
  const { width, height } = await sharp(overlay).metadata();
  const logo = await sharp(overlay)
    .resize(Math.trunc(width * factor), Math.trunc(height * factor), { kernel: "nearest" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  const canvas = sharp(base).composite([{ input: logo.data, raw: logo.info, left: x, top: y }]);
  return format === "png" ? canvas.png().toBuffer() : canvas.jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer();
}

for await (const line of createInterface({ input: process.stdin })) {
  const [format, path] = line.split(" ");
  const before = process.cpuUsage();
  const picture = await render(format);
  const { user, system } = process.cpuUsage(before);
  writeFileSync(path, picture);
  console.log((user + system) / 1000);
}
