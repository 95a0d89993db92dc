/** Example scenes of sample pictures: each layer's kind, pictures, and parameters that differ from the defaults. */

const CUP = { rescale_factor: 0.33, x_offset: 430, y_offset: 235 };

const picture = (overlay, params, others = {}) => ({ kind: "picture", params, pictures: { overlay_image: overlay, ...others } });
const colour = (color, params = {}, pictures = {}) => ({ kind: "colour", params: { color, ...params }, pictures });

export const SCENES = {
  cup: { base: "cup.jpg", layers: [picture("logo.png", CUP)] },
  shirt: {
    base: "tshirt.jpg",
    layers: [
      colour("#1f4e79", { blend_mode: "multiply" }, { mask: "tshirt-mask.png" }),
      picture(
        "print.png",
        { corners: [[0.34, 0.3], [0.67, 0.31], [0.66, 0.66], [0.33, 0.65]], displacement_x: 12, displacement_y: 12 },
        { displacement_map: "tshirt-displacement.png" },
      ),
    ],
  },
  watermark: {
    base: "cup.jpg",
    layers: [
      picture("logo.png", { tile: true, tile_spacing: 16, scale_to: 0.17, rotation: 30, opacity: 0.4, resize_method: "area" }),
      picture("logo.png", { gravity: "southeast", x_offset: 16, y_offset: 16, scale_to: 0.2, resize_method: "area" }),
    ],
  },
  collage: {
    base: "tshirt.jpg",
    layers: [
      colour("#f4efe6"),
      picture("cup.jpg", { region: [0.04, 0.04, 0.92, 0.5], region_fit: "cover", gravity: "center", resize_method: "area" }),
      picture("tshirt.jpg", { region: [0.04, 0.57, 0.44, 0.39], region_fit: "cover", gravity: "center", resize_method: "area" }),
      colour("#173b4d", { region: [0.52, 0.57, 0.44, 0.39] }),
      picture("print.png", { region: [0.56, 0.6, 0.36, 0.33], gravity: "center", resize_method: "area" }),
    ],
  },
};
