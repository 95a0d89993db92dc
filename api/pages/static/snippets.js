/** A request as code: curl, Python with the `segmind` client, JavaScript for Node. In a body, local pictures are `{file: name}`. */

const WIDTH = 88; // of a line; longer lists are split

export const requestCode = (origin, model, body) => ({
  snippet: (language) => ({ curl, python, javascript })[language](origin, model, body),
  script: script(origin, model, body),
  needs: (language) => (NEEDS[language] ?? "") + (hasFiles(body) ? "; run it in the folder of your file" : ""),
});

const NEEDS = { python: "; needs pip install segmind", javascript: "; a module for Node 18 or newer" };

const hasFiles = (value) => isFile(value) || (typeof value === "object" && value !== null && Object.values(value).some(hasFiles));

const isFile = (value) => typeof value === "object" && value !== null && "file" in value;

/**
 * A value as source code, indented after its first line. `scalar` writes values other than lists and objects, `key` the
 * names in an object.
 */
function literal(value, { scalar, key }, indent) {
  if (typeof value !== "object" || value === null || isFile(value)) return scalar(value);
  const write = (inner) =>
    Array.isArray(value)
      ? value.map((each) => literal(each, { scalar, key }, inner))
      : Object.entries(value).map(([name, each]) => `${key(name)}: ${literal(each, { scalar, key }, inner)}`);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const line = `${open}${write(indent).join(", ")}${close}`;
  if (Array.isArray(value) && indent.length + line.length <= WIDTH && !line.includes("\n")) return line;
  return `${open}\n${write(`${indent}  `).map((each) => `${indent}  ${each}`).join(",\n")}\n${indent}${close}`;
}

/** A single command with few options: importers misread options that they do not know. */
const curl = (origin, model, body) => `curl ${submission(origin, model, body)}`;

function submission(origin, model, body) {
  const start = `-X POST ${shellQuoted(`${origin}/v2/${model}`)} -H "x-api-key: $KEY" -H 'content-type: application/json' -d `;
  return start + (hasFiles(body) ? `@- <<JSON\n${json(body, shellFile)}\nJSON` : `'${json(typed(body), unquoted)}'`);
}

/** For bash, in a subshell, so that `set -e` does not close the terminal. */
function script(origin, model, body) {
  const file = `superimposed.${body.image_format ?? "jpeg"}`;
  return `(
call() {
  local response
  response=$(curl -sS --fail-with-body "$@") || { echo "$response" >&2; return 1; }
  echo "$response"
}
field() { sed -nE 's/.*"'"$1"'": ?"([^"]*)".*/\\1/p'; }

set -e
result=$(call ${submission(origin, model, body)}
)
url=$(field response_url <<< "$result")
until [ "$(field status <<< "$result")" = COMPLETED ]; do
  result=$(call "$url?wait=25" -H "x-api-key: $KEY")
done
curl -sSL --fail-with-body -o ${file} "$(field url <<< "$result")"
echo saved ${file}
)`;
}

/** n8n imports a flat object as form fields with quoted values, unless one value is null. */
function typed(body) {
  if (Object.values(body).some((value) => typeof value === "object")) return body;
  const unused = ["background", "base64", "image_format", "image_quality"].find((name) => !(name in body));
  return unused ? { ...body, [unused]: null } : body;
}

/** JSON without apostrophes: importers end a single-quoted string at the first one. */
const unquoted = (value) => JSON.stringify(value).replaceAll("'", "\\u0027");

/** JSON for a here-document, which the shell expands. */
export function shellFile(value) {
  if (!isFile(value)) return JSON.stringify(value).replace(/[\\$`]/g, "\\$&");
  return `"data:application/octet-stream;base64,$(base64 < ${shellQuoted(value.file)} | tr -d '\\n')"`;
}

export const shellQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export const json = (body, scalar) => literal(body, { scalar, key: (name) => `"${name}"` }, "");

function python(origin, model, body) {
  const lines = Object.entries(body).map(([name, value]) => `    ${name}=${pythonLiteral(value, "    ")},`);
  return `${hasFiles(body) ? PYTHON_FILES : "import os\n"}
from segmind import SegmindClient
${hasFiles(body) ? PYTHON_DATA_URI : ""}
client = SegmindClient(api_key=os.environ["KEY"], base_url=${JSON.stringify(`${origin}/v1`)})
result = client.run(
    "${model}",
${lines.join("\n")}
)
print(result["output"])`;
}

const PYTHON_FILES = `import base64
import os
from pathlib import Path
`;

export const PYTHON_DATA_URI = `

def data_uri(path):
    return "data:application/octet-stream;base64," + base64.b64encode(Path(path).read_bytes()).decode()

`;

export const pythonLiteral = (value, indent) => literal(value, { scalar: pythonScalar, key: (name) => `"${name}"` }, indent);

function pythonScalar(value) {
  if (isFile(value)) return `data_uri(${JSON.stringify(value.file)})`;
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}

function javascript(origin, model, body) {
  const lines = Object.entries(body).map(([name, value]) => `    ${name}: ${javascriptLiteral(value, "    ")},`);
  return `${hasFiles(body) ? JAVASCRIPT_DATA_URI : ""}${javascriptCall("application/json")}
const submitted = await call(${JSON.stringify(`${origin}/v2/${model}`)}, {
  method: "POST",
  body: JSON.stringify({
${lines.join("\n")}
  }),
});
while ((await call(submitted.status_url)).status !== "COMPLETED") {
  await new Promise((resolve) => setTimeout(resolve, 1000));
}
console.log((await call(submitted.response_url)).output);`;
}

export const javascriptCall = (type) => `const headers = { "x-api-key": process.env.KEY, "content-type": "${type}" };

async function call(url, options) {
  const response = await fetch(url, { headers, ...options });
  const body = await response.json();
  if (body.error) throw new Error(body.error);
  return body;
}
`;

export const javascriptLiteral = (value, indent) => literal(value, { scalar: javascriptScalar, key: (name) => name }, indent);

const javascriptScalar = (value) => (isFile(value) ? `dataUri(${JSON.stringify(value.file)})` : JSON.stringify(value));

export const DATA_URI = `const dataUri = (path) => "data:application/octet-stream;base64," + readFileSync(path).toString("base64");
`;
const JAVASCRIPT_DATA_URI = `import { readFileSync } from "node:fs";\n\n${DATA_URI}`;
