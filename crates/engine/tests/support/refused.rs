//! The model files that the native runtime refuses, each with words of the reason it gives. Whatever is not listed here plays.

/// Why a file that is part of a chain in `models/chains` need not play alone.
const STAGE: &str = "one of several stages, which play together as a chain";

/// Of an encoder or a decoder alone.
const RATE: &str = "a network whose output has another rate than its input";

/// A file that is refused.
pub struct Refused {
    /// Folder and file.
    pub file: &'static str,
    /// Part of the reason that the engine gives.
    pub words: &'static str,
    /// Why it is no audio effect by itself; `None` if it could be one and is not played yet.
    pub no_effect: Option<&'static str>,
}

/// A file that is no audio effect.
const fn never(file: &'static str, words: &'static str, no_effect: &'static str) -> Refused {
    Refused {
        file,
        words,
        no_effect: Some(no_effect),
    }
}

/// All of them.
pub const REFUSED: &[Refused] = &[
    never(
        "onnx/AutoGuitarAmp.onnx",
        "LSTM",
        "an LSTM whose weights do not fit the input that it is given: no runtime plays it",
    ),
    never(
        "onnx/silero_vad_16k_op15.onnx",
        "",
        "a voice detector: its outputs are a probability and a state",
    ),
    never(
        "onnx/swift_f0_2025.onnx",
        "",
        "a pitch tracker: its outputs are frequencies and a confidence",
    ),
    never(
        "onnx/basic_pitch_nmp.onnx",
        "",
        "a transcriber: its outputs are notes, onsets and contours",
    ),
    never(
        "onnx/snac24_quantize_encodings.onnx",
        "",
        "a quantiser without its encoder and decoder: no audio goes in or comes out",
    ),
    never(
        "onnx/snac24_decode_codes.onnx",
        "no audio input",
        "a quantiser without its encoder and decoder: no audio goes in or comes out",
    ),
    never("export-zoo/codec_rvq_enc.dy.onnx", "no audio output", STAGE),
    never("export-zoo/codec_rvq_dec.dy.onnx", "no audio input", STAGE),
    never("export-zoo/codec_rvq_enc.ts.onnx", "no audio output", STAGE),
    never("export-zoo/codec_rvq_dec.ts.onnx", "no audio input", STAGE),
    never("export-zoo/codec_rvq_enc.tsfix.onnx", "no audio output", STAGE),
    never("export-zoo/codec_rvq_dec.tsfix.onnx", "no audio input", STAGE),
    never("codec/lyra2_encoder.onnx", "no audio output", STAGE),
    never("codec/lyra2_quantizer_encode.onnx", "64 audio channels", STAGE),
    never("codec/lyra2_quantizer_decode.onnx", "no audio input", STAGE),
    never("codec/lyra2_decoder.onnx", "", STAGE),
    never("export-zoo/codec_weightnorm.dy.onnx", "2 values per sample", RATE),
    never("export-zoo/codec_weightnorm.ts.onnx", "2 values per sample", RATE),
    never("export-zoo/codec_weightnorm.tsfix.onnx", "2 values per sample", RATE),
    never("fixtures/conv_strided.onnx", "every 4 samples", RATE),
    never("fixtures/conv_transpose_grouped.onnx", "3 values per sample", RATE),
];

/// The entry of a file.
pub fn refused(file: &str) -> Option<&'static Refused> {
    REFUSED.iter().find(|refused| refused.file == file)
}
