//! OpenGL: the one place of the window where unsafe code stands, because a context must be made current by hand.
#![allow(unsafe_code)]

use baseview::gl::GlContext;
use baseview::{HandlerError, WindowContext};
use egui::{Color32, Context, FullOutput};
use egui_glow::Painter as Glow;
use egui_glow::glow;
use std::sync::Arc;

/// Paints egui's output into the window.
pub(super) struct Painter {
    context: GlContext,
    glow: Glow,
}

/// Runs `body` with `context` current, and leaves none current: other plugins share the thread.
fn current<R>(context: &GlContext, body: impl FnOnce() -> R) -> Result<R, HandlerError> {
    // SAFETY: the context belongs to the window of this thread and is current nowhere else.
    unsafe { context.make_current()? };
    let result = body();
    // SAFETY: as above.
    unsafe { context.make_not_current()? };
    Ok(result)
}

impl Painter {
    /// For the window's own context.
    pub(super) fn new(window: &WindowContext) -> Result<Self, HandlerError> {
        let context = window
            .gl_context()
            .ok_or_else(|| HandlerError::from_boxed("the system gives no OpenGL context for the window".into()))?;
        let glow = current(&context, || {
            // SAFETY: the context is current, and the functions it gives are used while it lives.
            let functions = unsafe { glow::Context::from_loader_function_cstr(|name| context.get_proc_address(name)) };
            Glow::new(Arc::new(functions), "", None, true)
        })??;
        Ok(Self { context, glow })
    }

    /// Longest side of a texture.
    pub(super) fn max_texture_side(&self) -> usize {
        self.glow.max_texture_side()
    }

    /// Paints a frame of `size` pixels and shows it.
    pub(super) fn paint(
        &mut self,
        size: [u32; 2],
        background: Color32,
        context: &Context,
        output: &mut FullOutput,
    ) -> Result<(), HandlerError> {
        let scale = output.pixels_per_point;
        let shapes = context.tessellate(std::mem::take(&mut output.shapes), scale);
        let (gl, glow) = (&self.context, &mut self.glow);
        current(gl, || {
            glow.clear(size, background.to_normalized_gamma_f32());
            glow.paint_and_update_textures(size, scale, &shapes, &mut output.textures_delta);
            gl.swap_buffers()
        })??;
        Ok(())
    }
}

impl Drop for Painter {
    fn drop(&mut self) {
        // A context that cannot be made current has lost what is to be freed.
        let _ = current(&self.context, || self.glow.destroy());
    }
}
