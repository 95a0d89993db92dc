/** A batch as code, which finds the bases in their folder or by their names. */

import { headOf } from "./submission.js";
import * as snippets from "../snippets.js";

const MAX_ID_LENGTH = 64; // characters of a custom_id

export function batchCode(origin, model, body, paths) {
  const head = headOf(body);
  const source = sourceOf(paths);
  const url = `${origin}/v2/${model}/batch`;
  return {
    snippet: (language) => ({ curl, python, javascript })[language](url, head, source),
    script: "",
    needs: (language) => (language === "javascript" ? "; a module for Node 20 or newer" : "") + `; run it next to ${source.folder ? "the folder" : "the files"}`,
  };
}

/** The common folder and the suffixes of the files, or else their paths. */
function sourceOf(paths) {
  const folders = new Set(paths.map((path) => (path.includes("/") ? path.split("/")[0] : null)));
  const suffixes = new Set(paths.map((path) => /\.\w+$/.exec(path)?.[0].toLowerCase() ?? null));
  const [folder] = folders;
  return folders.size === 1 && folder && !suffixes.has(null) ? { folder, suffixes: [...suffixes] } : { paths };
}

function curl(url, head, { folder, suffixes, paths }) {
  const quoted = snippets.shellQuoted;
  const list = folder
    ? `find ${quoted(folder)} -type f \\( ${suffixes.map((each) => `-iname '*${each}'`).join(" -o ")} \\)`
    : `printf '%s\\n' ${paths.map(quoted).join(" ")}`;
  return `{
cat <<JSON
${snippets.json(head, snippets.shellFile).replace(/\n */g, " ")}
JSON
${list} | while IFS= read -r file; do
  printf '{"custom_id": "%s", "base_image": "data:application/octet-stream;base64,%s"}\\n' \\
    "$(printf %s "$file" | sed 's/[\\\\"]/\\\\&/g')" "$(base64 < "$file" | tr -d '\\n')"
done
} | curl -X POST ${quoted(url)} -H "x-api-key: $KEY" -H 'content-type: application/x-ndjson' --data-binary @-`;
}

function python(url, head, { folder, suffixes, paths }) {
  const list = folder
    ? `sorted(path for path in Path(${text(folder)}).rglob("*") if path.suffix.lower() in ${text(suffixes)})`
    : `map(Path, ${text(paths)})`;
  return `import base64
import json
import os
from pathlib import Path
from urllib.request import Request, urlopen
${snippets.PYTHON_DATA_URI}
def lines():
    yield json.dumps(${snippets.pythonLiteral(head, "    ")}).encode() + b"\\n"
    for path in ${list}:
        line = {"custom_id": path.as_posix()[-${MAX_ID_LENGTH}:], "base_image": data_uri(path)}
        yield json.dumps(line).encode() + b"\\n"


headers = {"x-api-key": os.environ["KEY"], "content-type": "application/x-ndjson"}
batch = json.load(urlopen(Request(${text(url)}, lines(), headers)))
while batch["status"] != "COMPLETED":
    batch = json.load(urlopen(Request(batch["status_url"] + "?wait=25", headers=headers)))
print(batch["zip_url"])`;
}

function javascript(url, head, { folder, suffixes, paths }) {
  const list = folder
    ? `readdirSync(${text(folder)}, { recursive: true })
  .map((name) => \`${folder.replace(/[\\`$]/g, "\\$&")}/\${name.replaceAll("\\\\", "/")}\`)
  .filter((path) => ${text(suffixes)}.includes(extname(path).toLowerCase()))`
    : text(paths);
  return `import { readFileSync, readdirSync } from "node:fs";
import { extname } from "node:path";

${snippets.DATA_URI}${snippets.javascriptCall("application/x-ndjson")}
const paths = ${list};
const lines = paths.map((path) => ({ custom_id: path.slice(-${MAX_ID_LENGTH}), base_image: dataUri(path) }));
lines.unshift(${snippets.javascriptLiteral(head, "")});
let batch = await call(${text(url)}, {
  method: "POST",
  body: lines.map((line) => JSON.stringify(line)).join("\\n"),
});
while (batch.status !== "COMPLETED") batch = await call(\`\${batch.status_url}?wait=25\`);
console.log(batch.zip_url);`;
}

const text = (value) => JSON.stringify(value);
