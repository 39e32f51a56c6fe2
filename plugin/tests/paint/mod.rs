//! Draws what egui tessellates into memory, in plain loops: pictures without a display or a graphics driver.

use egui::epaint::{ClippedPrimitive, ImageData, Mesh, Primitive, TextureId, Vertex};
use egui::{Color32, Pos2, Rect};
use std::collections::HashMap;

/// A picture, row by row.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pixels: Vec<[f32; 4]>,
}

/// A texture, row by row.
struct Texture {
    width: usize,
    height: usize,
    pixels: Vec<Color32>,
}

/// Textures as egui hands them out, over several frames.
#[derive(Default)]
pub struct Painter {
    textures: HashMap<TextureId, Texture>,
}

impl Painter {
    /// Takes over what a frame says of its textures.
    pub fn update(&mut self, mut deltas: egui::TexturesDelta) {
        let all = (deltas.set.drain()).flat_map(|(id, deltas)| deltas.into_iter().map(move |delta| (id, delta)));
        for (id, delta) in all {
            let ImageData::Color(image) = &delta.image;
            let [width, height] = image.size;
            match (delta.pos, self.textures.get_mut(&id)) {
                (Some([left, top]), Some(texture)) => {
                    for (row, line) in image.pixels.chunks(width).enumerate() {
                        let start = (top + row) * texture.width + left;
                        texture.pixels[start..start + width].copy_from_slice(line);
                    }
                }
                _ => {
                    let texture = Texture {
                        width,
                        height,
                        pixels: image.pixels.clone(),
                    };
                    self.textures.insert(id, texture);
                }
            }
        }
        for id in deltas.free.drain() {
            self.textures.remove(&id);
        }
    }

    /// Draws a frame of `size` points, `scale` pixels each.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn draw(&self, primitives: &[ClippedPrimitive], size: [u32; 2], scale: f32) -> Picture {
        let [width, height] = size.map(|points| (points as f32 * scale) as usize);
        let mut picture = Picture {
            width,
            height,
            pixels: vec![[0.0, 0.0, 0.0, 255.0]; width * height],
        };
        for primitive in primitives {
            let Primitive::Mesh(mesh) = &primitive.primitive else {
                panic!("the window draws meshes only");
            };
            let texture = self
                .textures
                .get(&mesh.texture_id)
                .expect("a texture that was handed out");
            let clip = Rect::from_min_max(
                (primitive.clip_rect.min.to_vec2() * scale).round().to_pos2(),
                (primitive.clip_rect.max.to_vec2() * scale).round().to_pos2(),
            );
            picture.mesh(mesh, texture, clip, scale);
        }
        picture
    }
}

/// Twice the area of a triangle, positive for one sense of turning.
fn area(a: Pos2, b: Pos2, c: Pos2) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// Of the edges that two triangles share, only one owns the pixels on it.
fn owns(a: Pos2, b: Pos2) -> bool {
    (a.y - b.y).abs() < f32::EPSILON && b.x > a.x || b.y < a.y
}

impl Texture {
    /// Between the four nearest pixels; `[0, 255]` each.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    fn at(&self, u: f32, v: f32) -> [f32; 4] {
        let (x, y) = (u * self.width as f32 - 0.5, v * self.height as f32 - 0.5);
        let (x, y) = (
            x.clamp(0.0, self.width as f32 - 1.0),
            y.clamp(0.0, self.height as f32 - 1.0),
        );
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (dx, dy) = (x - left as f32, y - top as f32);
        let pixel = |x: usize, y: usize| self.pixels[y * self.width + x].to_array().map(f32::from);
        let corners = [
            pixel(left, top),
            pixel(right, top),
            pixel(left, bottom),
            pixel(right, bottom),
        ];
        std::array::from_fn(|channel| {
            let above = corners[0][channel] * (1.0 - dx) + corners[1][channel] * dx;
            let below = corners[2][channel] * (1.0 - dx) + corners[3][channel] * dx;
            above * (1.0 - dy) + below * dy
        })
    }
}

impl Picture {
    fn mesh(&mut self, mesh: &Mesh, texture: &Texture, clip: Rect, scale: f32) {
        for corners in mesh.indices.chunks_exact(3) {
            let corners = [0, 1, 2].map(|index| mesh.vertices[corners[index] as usize]);
            self.triangle(corners, texture, clip, scale);
        }
    }

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    fn triangle(&mut self, mut corners: [Vertex; 3], texture: &Texture, clip: Rect, scale: f32) {
        for corner in &mut corners {
            corner.pos = (corner.pos.to_vec2() * scale).to_pos2();
        }
        let [a, b, c] = corners.map(|corner| corner.pos);
        let mut whole = area(a, b, c);
        if whole == 0.0 || !whole.is_finite() {
            return;
        }
        if whole < 0.0 {
            corners.swap(1, 2);
            whole = -whole;
        }
        let [a, b, c] = corners.map(|corner| corner.pos);
        let within = |value: f32, limit: usize| value.clamp(0.0, limit as f32) as usize;
        let left = within(a.x.min(b.x).min(c.x).max(clip.min.x).floor(), self.width);
        let right = within(a.x.max(b.x).max(c.x).min(clip.max.x).ceil(), self.width);
        let top = within(a.y.min(b.y).min(c.y).max(clip.min.y).floor(), self.height);
        let bottom = within(a.y.max(b.y).max(c.y).min(clip.max.y).ceil(), self.height);
        let edges = [(b, c), (c, a), (a, b)];
        let owned = edges.map(|(from, to)| owns(from, to));
        let tints = corners.map(|corner| corner.color.to_array().map(f32::from));
        for y in top..bottom {
            for x in left..right {
                let at = Pos2::new(x as f32 + 0.5, y as f32 + 0.5);
                let weights = edges.map(|(from, to)| area(from, to, at));
                let inside = weights
                    .iter()
                    .zip(owned)
                    .all(|(weight, owned)| *weight > 0.0 || *weight == 0.0 && owned);
                if !inside {
                    continue;
                }
                let [wa, wb, wc] = weights.map(|weight| weight / whole);
                let mix = |a: f32, b: f32, c: f32| a * wa + b * wb + c * wc;
                let uv = corners.map(|corner| corner.uv);
                let texel = texture.at(mix(uv[0].x, uv[1].x, uv[2].x), mix(uv[0].y, uv[1].y, uv[2].y));
                let source: [f32; 4] = std::array::from_fn(|channel| {
                    texel[channel] * mix(tints[0][channel], tints[1][channel], tints[2][channel]) / 255.0
                });
                // Colours are multiplied by their opacity already.
                let behind = 1.0 - source[3] / 255.0;
                for (channel, target) in self.pixels[y * self.width + x].iter_mut().enumerate() {
                    *target = source[channel] + *target * behind;
                }
            }
        }
    }

    /// `[height, width, 3]`.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub fn bytes(&self) -> Vec<u8> {
        let channels = self.pixels.iter().flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]);
        channels.map(|value| value.round().clamp(0.0, 255.0) as u8).collect()
    }

    /// Writes it as PNG.
    pub fn write(&self, path: &std::path::Path) {
        let file = std::fs::File::create(path).expect("a picture file");
        let size = [self.width, self.height].map(|length| u32::try_from(length).expect("a small picture"));
        let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), size[0], size[1]);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(&self.bytes()).expect("written");
    }
}
