//! Writes the smallest useful ONNX files: one convolution that delays or advances by whole frames.

/// One protobuf field with a length in front.
fn bytes(field: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = varint(field << 3 | 2);
    out.extend(varint(payload.len() as u64));
    out.extend(payload);
    out
}

fn number(field: u64, value: u64) -> Vec<u8> {
    let mut out = varint(field << 3);
    out.extend(varint(value));
    out
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("seven bits"));
    out
}

fn ints(name: &str, values: &[u64]) -> Vec<u8> {
    let mut attribute = bytes(1, name.as_bytes());
    for value in values {
        attribute.extend(number(8, *value));
    }
    attribute.extend(number(20, 7));
    attribute
}

/// A value of shape `[1, 1, T]`, `T` symbolic.
fn audio(name: &str) -> Vec<u8> {
    let fixed = bytes(1, &number(1, 1));
    let free = bytes(1, &bytes(2, b"T"));
    value(name, &[fixed.clone(), fixed, free].concat())
}

fn value(name: &str, shape: &[u8]) -> Vec<u8> {
    let tensor = [number(1, 1), bytes(2, shape)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat()
}

/// `out[n] = knob × in[n]`, the knob an input `k` of shape `[1, 1]`.
pub fn times_knob() -> Vec<u8> {
    let node = [
        bytes(1, b"x"),
        bytes(1, b"k"),
        bytes(2, b"y"),
        bytes(3, b"mul"),
        bytes(4, b"Mul"),
    ]
    .concat();
    let one = bytes(1, &number(1, 1));
    let graph = [
        bytes(1, &node),
        bytes(2, b"times_knob"),
        bytes(11, &audio("x")),
        bytes(11, &value("k", &[one.clone(), one].concat())),
        bytes(12, &audio("y")),
    ]
    .concat();
    [number(1, 8), bytes(7, &graph), bytes(8, &number(2, 17))].concat()
}

/// `out[n] = gain × in[n]`, written as a "same"-padded convolution that looks `look_ahead` frames into the future: streamed, it has
/// exactly that latency.
pub fn look_ahead(look_ahead: usize, gain: f32) -> Vec<u8> {
    let taps = 2 * look_ahead + 1;
    let mut weights = vec![0.0_f32; taps];
    weights[look_ahead] = gain;
    let raw: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    let initializer = [
        number(1, 1),
        number(1, 1),
        number(1, taps as u64),
        number(2, 1),
        bytes(8, b"w"),
        bytes(9, &raw),
    ]
    .concat();
    let node = [
        bytes(1, b"x"),
        bytes(1, b"w"),
        bytes(2, b"y"),
        bytes(3, b"conv"),
        bytes(4, b"Conv"),
        bytes(5, &ints("kernel_shape", &[taps as u64])),
        bytes(5, &ints("pads", &[look_ahead as u64, look_ahead as u64])),
    ]
    .concat();
    let graph = [
        bytes(1, &node),
        bytes(2, b"look_ahead"),
        bytes(5, &initializer),
        bytes(11, &audio("x")),
        bytes(12, &audio("y")),
    ]
    .concat();
    [number(1, 8), bytes(7, &graph), bytes(8, &number(2, 17))].concat()
}
