//! What the functions compute, bin by bin.

/// `(real, imaginary)` of bin `k`.
fn bin(plane: &[f32], k: usize) -> (f32, f32) {
    (plane[k], plane[plane.len() / 2 + k])
}

fn set(plane: &mut [f32], k: usize, (re, im): (f32, f32)) {
    let bins = plane.len() / 2;
    plane[k] = re;
    plane[bins + k] = im;
}

/// `sum += x · h`.
pub fn multiply_add(x: &[f32], h: &[f32], sum: &mut [f32]) {
    for k in 0..sum.len() / 2 {
        let ((a, b), (c, d), (re, im)) = (bin(x, k), bin(h, k), bin(sum, k));
        set(sum, k, (re + a * c - b * d, im + a * d + b * c));
    }
}

/// `a, b ← a + w·b, a − w·b`.
pub fn join(w: &[f32], a: &mut [f32], b: &mut [f32]) {
    for k in 0..w.len() / 2 {
        let ((c, s), (a_re, a_im), (b_re, b_im)) = (bin(w, k), bin(a, k), bin(b, k));
        let (re, im) = (c * b_re - s * b_im, c * b_im + s * b_re);
        set(a, k, (a_re + re, a_im + im));
        set(b, k, (a_re - re, a_im - im));
    }
}

/// `a, b ← a + b, (a − b)·w̄`.
pub fn part(w: &[f32], a: &mut [f32], b: &mut [f32]) {
    for k in 0..w.len() / 2 {
        let ((c, s), (a_re, a_im), (b_re, b_im)) = (bin(w, k), bin(a, k), bin(b, k));
        let (re, im) = (a_re - b_re, a_im - b_im);
        set(a, k, (a_re + b_re, a_im + b_im));
        set(b, k, (c * re + s * im, c * im - s * re));
    }
}
