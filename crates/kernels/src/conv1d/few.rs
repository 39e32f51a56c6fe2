//! Vectors along the output channels, for blocks of a few frames: no lane is spent on frames that nobody asked for.
//!
//! Each sum is made of the same products in the same order as in [`super::tiles`], so its bits are the same.

use crate::activation;
use crate::simd::{Simd, dispatch};

/// Most frames of a call that is computed so.
pub(crate) const MOST: usize = 4;

/// Frames of some channels, to be read: planes, or frames with their channels side by side.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub first: *const f32,
    /// Distance of two channels.
    pub channel: usize,
    /// Distance of two frames.
    pub frame: usize,
    /// Whole vectors of channels can be read: they are side by side, and there is room behind the last one.
    pub vectors: bool,
}

impl View {
    /// Nothing.
    pub const NONE: Self = Self {
        first: std::ptr::null(),
        channel: 0,
        frame: 0,
        vectors: false,
    };

    pub const fn planes(first: *const f32, stride: usize) -> Self {
        Self {
            first,
            channel: stride,
            frame: 1,
            vectors: false,
        }
    }

    /// `count` channels from `channel` on, of frame `t`; what stands in the other lanes does not matter.
    ///
    /// # Safety
    /// As [`Simd`]; these channels and the frame exist.
    #[inline(always)]
    pub(crate) unsafe fn load<S: Simd>(self, channel: usize, count: usize, t: usize) -> S::V {
        // SAFETY: passed on to the caller.
        unsafe {
            let from = self.first.add(t * self.frame + channel * self.channel);
            if self.vectors {
                return S::load(from);
            }
            let mut values = [0.0f32; crate::LANES];
            for (lane, value) in values.iter_mut().take(count).enumerate() {
                *value = *from.add(lane * self.channel);
            }
            S::load(values.as_ptr())
        }
    }

    /// Writes what [`Self::load`] reads; lanes behind `count` may be written too if there are vectors.
    ///
    /// # Safety
    /// As [`Self::load`], and the memory may be written.
    #[inline(always)]
    unsafe fn store<S: Simd>(self, channel: usize, count: usize, t: usize, value: S::V) {
        // SAFETY: passed on to the caller.
        unsafe {
            let to = self.first.cast_mut().add(t * self.frame + channel * self.channel);
            if self.vectors {
                S::store(to, value);
                return;
            }
            let mut values = [0.0f32; crate::LANES];
            S::store(values.as_mut_ptr(), value);
            for (lane, value) in values.iter().take(count).enumerate() {
                *to.add(lane * self.channel) = *value;
            }
        }
    }
}

/// One call, as pointers: all sizes were checked by the caller. Rows of weights are padded to whole vectors of outputs.
pub(crate) struct Call<'a> {
    pub x: View,
    pub starts: &'a [usize],
    pub inputs: usize,
    /// `[taps, inputs, outputs]`.
    pub weights: *const f32,
    pub mix: View,
    pub mix_inputs: usize,
    /// `[inputs, outputs]`.
    pub mix_weights: *const f32,
    pub bias: *const f32,
    /// Null if there are none.
    pub slopes: *const f32,
    pub addends: &'a [View],
    pub activation: Option<activation::Function>,
    pub outputs: usize,
    pub y: View,
    /// What the result is added to; [`View::NONE`] if nothing.
    pub total: View,
    pub frames: usize,
}

dispatch! {
    /// # Safety
    /// `isa` is available; all that `call` points to is as long as its sizes say; what is written overlaps nothing else.
    pub(crate) unsafe fn run = generic(call: &Call<'_>)
}

/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
unsafe fn generic<S: Simd>(call: &Call<'_>) {
    let mut t = 0;
    // SAFETY: passed on to the caller; all frames lie below `frames`.
    unsafe {
        while t + 4 <= call.frames {
            group::<S, 4>(call, t);
            t += 4;
        }
        while t + 2 <= call.frames {
            group::<S, 2>(call, t);
            t += 2;
        }
        while t < call.frames {
            group::<S, 1>(call, t);
            t += 1;
        }
    }
}

/// # Safety
/// As [`generic`]; frames `t .. t + F` exist.
#[inline(always)]
unsafe fn group<S: Simd, const F: usize>(call: &Call<'_>, t: usize) {
    let padded = call.outputs.next_multiple_of(S::LANES);
    let mut o = 0;
    // SAFETY: every offset below is one of a channel, tap or frame that the caller promises; packed rows are whole vectors.
    unsafe {
        while o < call.outputs {
            let count = (call.outputs - o).min(S::LANES);
            let mut sums = [S::load(call.bias.add(o)); F];
            for addend in call.addends {
                for (f, sum) in sums.iter_mut().enumerate() {
                    *sum = S::add(*sum, addend.load::<S>(o, count, t + f));
                }
            }
            if call.mix_inputs > 0 {
                let x = call.mix.first.add(t * call.mix.frame);
                let weights = call.mix_weights.add(o);
                accumulate::<S, F>(
                    &mut sums,
                    weights,
                    padded,
                    x,
                    (call.mix.channel, call.mix.frame),
                    call.mix_inputs,
                );
            }
            for (tap, start) in call.starts.iter().enumerate() {
                let x = call.x.first.add(start + t * call.x.frame);
                let weights = call.weights.add(tap * call.inputs * padded + o);
                accumulate::<S, F>(
                    &mut sums,
                    weights,
                    padded,
                    x,
                    (call.x.channel, call.x.frame),
                    call.inputs,
                );
            }
            let slopes = if call.slopes.is_null() {
                call.slopes
            } else {
                call.slopes.add(o)
            };
            let last = Last {
                slopes,
                activation: call.activation,
                y: call.y,
                total: call.total,
            };
            finish::<S, F>(sums, &last, o, count, t);
            o += S::LANES;
        }
    }
}

/// What happens to sums.
#[derive(Clone, Copy)]
pub(crate) struct Last {
    /// Of these outputs; null if there are none.
    pub slopes: *const f32,
    pub activation: Option<activation::Function>,
    pub y: View,
    /// [`View::NONE`] if nothing.
    pub total: View,
}

/// Writes `count` outputs from `o` on, of frames `t .. t + F`.
///
/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
pub(crate) unsafe fn finish<S: Simd, const F: usize>(sums: [S::V; F], last: &Last, o: usize, count: usize, t: usize) {
    // SAFETY: passed on to the caller.
    unsafe {
        for (f, sum) in sums.into_iter().enumerate() {
            let mut value = sum;
            if !last.slopes.is_null() {
                value = S::select_less(value, S::splat(0.0), S::mul(value, S::load(last.slopes)), value);
            }
            if let Some(function) = last.activation {
                value = activation::vector::<S>(function, value);
            }
            last.y.store::<S>(o, count, t + f, value);
            if !last.total.first.is_null() {
                let total = last.total.load::<S>(o, count, t + f);
                last.total.store::<S>(o, count, t + f, S::add(total, value));
            }
        }
    }
}

/// `sums[f] += Σ_i weights[i] · x[i, f]`, inputs in order; rows of weights are `row` apart.
///
/// # Safety
/// As [`run`], and as [`Simd`].
#[inline(always)]
pub(crate) unsafe fn accumulate<S: Simd, const F: usize>(
    sums: &mut [S::V; F],
    weights: *const f32,
    row: usize,
    x: *const f32,
    (channel, frame): (usize, usize),
    inputs: usize,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        for input in 0..inputs {
            let (w, x) = (S::load(weights.add(input * row)), x.add(input * channel));
            for (f, sum) in sums.iter_mut().enumerate() {
                *sum = S::mul_add(w, S::splat(*x.add(f * frame)), *sum);
            }
        }
    }
}
