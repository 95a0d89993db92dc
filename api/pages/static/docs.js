/** The page /docs: examples drawn by the playground's preview, and the reference in Swagger UI. */

import { previewer } from "./canvas/preview.js";
import { codeCard } from "./code.js";
import { byId, make, onClick, press } from "./dom.js";
import { fromUrl } from "./pictures.js";
import { requestCode } from "./snippets.js";

const { origin } = document.documentElement.dataset;
const DOCUMENTED_ORIGIN = "http://127.0.0.1:8000"; // in the examples of the OpenAPI document
const PICTURES = { base_image: `${origin}/samples/cup.jpg`, overlay_image: `${origin}/samples/logo.png` };
const EXAMPLES = {
  Logo: ["In a corner, a quarter of the base's width", { scale_to: 0.25, gravity: "southeast", x_offset: 12, y_offset: 12 }],
  Watermark: ["Faint, rotated and tiled", { scale_to: 0.2, rotation: 30, opacity: 0.3, tile: true, tile_spacing: 24 }],
  Blend: ["In the middle, half the base's width, blended with screen", { scale_to: 0.5, gravity: "center", blend_mode: "screen", image_format: "png" }],
};

const showCode = codeCard();
const draw = previewer();

function applyColourScheme({ matches }) {
  document.documentElement.classList.toggle("dark-mode", matches); // read by Swagger UI
}

function showExamples(defaults, [base, overlay]) {
  const buttons = Object.entries(EXAMPLES).map(([title, [about, params]]) => {
    const button = make("button", { type: "button", textContent: title });
    onClick(button, () => {
      press(buttons, (each) => each === button);
      byId("about").textContent = about;
      const layer = { key: params, pictures: { overlay_image: overlay }, params: { ...defaults, ...params } };
      draw(byId("picture"), base, [layer], layer.params);
      showCode(requestCode(origin, "superimpose", { ...PICTURES, ...params }));
    });
    return button;
  });
  byId("examples").replaceChildren(...buttons);
  buttons[0].click();
}

async function loadExamples(reference) {
  const { properties } = reference.specSelectors.specJson().toJS().components.schemas.SuperimposeRequest;
  const defaults = Object.entries(properties).map(([name, schema]) => [name, schema.default ?? null]);
  const pictures = await Promise.all(Object.values(PICTURES).map((url) => fromUrl(url, origin)));
  showExamples(Object.fromEntries(defaults), pictures);
}

function replaceOrigin(response) {
  if (response.url.endsWith("/openapi.json")) response.text = response.text.replaceAll(DOCUMENTED_ORIGIN, origin);
  return response;
}

const dark = matchMedia("(prefers-color-scheme: dark)");
dark.addEventListener("change", applyColourScheme);
applyColourScheme(dark);

const reference = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  responseInterceptor: replaceOrigin,
  onComplete: () => loadExamples(reference),
});
