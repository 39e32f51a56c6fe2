//! The model files that the native runtime refuses, each with words of the reason it gives. Whatever is not listed here plays.

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

/// A file that is not played yet.
const fn not_yet(file: &'static str, words: &'static str) -> Refused {
    Refused {
        file,
        words,
        no_effect: None,
    }
}

/// All of them.
pub const REFUSED: &[Refused] = &[
    never(
        "onnx/AutoGuitarAmp.onnx",
        "LSTM",
        "the weights of its LSTM do not fit the input that it is given: no runtime plays it",
    ),
    never(
        "onnx/silero_vad_16k_op15.onnx",
        "could both be the audio input",
        "a voice detector: its outputs are a probability and a state",
    ),
    never(
        "onnx/swift_f0_2025.onnx",
        "STFT",
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
        "a stage of a codec without its encoder and decoder: no audio goes in or comes out",
    ),
    never(
        "onnx/snac24_decode_codes.onnx",
        "no audio input",
        "a stage of a codec without its encoder and decoder: no audio goes in or comes out",
    ),
    never(
        "export-zoo/codec_rvq_enc.dy.onnx",
        "stride",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "export-zoo/codec_rvq_dec.dy.onnx",
        "no audio input",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "export-zoo/codec_rvq_enc.ts.onnx",
        "stride",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "export-zoo/codec_rvq_dec.ts.onnx",
        "no audio input",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "export-zoo/codec_rvq_enc.tsfix.onnx",
        "stride",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "export-zoo/codec_rvq_dec.tsfix.onnx",
        "no audio input",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "codec/lyra2_encoder.onnx",
        "stride",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "codec/lyra2_quantizer_encode.onnx",
        "ArgMax",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "codec/lyra2_quantizer_decode.onnx",
        "no audio input",
        "a stage of a codec: it plays in the chain with the others",
    ),
    never(
        "codec/lyra2_decoder.onnx",
        "does not fit",
        "a stage of a codec: it plays in the chain with the others",
    ),
    not_yet("export-zoo/attn_causal.dy.onnx", "LayerNormalization"),
    not_yet("export-zoo/attn_causal.ts.onnx", ""),
    not_yet("export-zoo/attn_causal.tsfix.onnx", ""),
    not_yet("export-zoo/chorus_delay_gather.dy.onnx", ""),
    not_yet("export-zoo/chorus_delay_gather.ts.onnx", ""),
    not_yet("export-zoo/chorus_delay_gather.tsfix.onnx", ""),
    not_yet("export-zoo/codec_elu.dy.onnx", "stride"),
    not_yet("export-zoo/codec_elu.dydyn.onnx", "stride"),
    not_yet("export-zoo/codec_elu.ts.onnx", "stride"),
    not_yet("export-zoo/codec_elu.tsfix.onnx", "stride"),
    not_yet("export-zoo/codec_rvq.dy.onnx", "stride"),
    not_yet("export-zoo/codec_rvq.dydyn.onnx", "stride"),
    not_yet("export-zoo/codec_rvq.ts.onnx", "stride"),
    not_yet("export-zoo/codec_rvq.tsfix.onnx", "stride"),
    not_yet("export-zoo/codec_snake.dy.onnx", "stride"),
    not_yet("export-zoo/codec_snake.ts.onnx", "stride"),
    not_yet("export-zoo/codec_snake.tsfix.onnx", "stride"),
    not_yet("export-zoo/raesc_gru.dy.onnx", "stride"),
    not_yet("export-zoo/raesc_gru.dydyn.onnx", "stride"),
    not_yet("export-zoo/raesc_gru.ts.onnx", "stride"),
    not_yet("export-zoo/raesc_gru.tsfix.onnx", "stride"),
    not_yet("export-zoo/stft_conv_mask.dy.onnx", "stride"),
    not_yet("export-zoo/stft_conv_mask.dydyn.onnx", "stride"),
    not_yet("export-zoo/stft_conv_mask.ts.onnx", "stride"),
    not_yet("export-zoo/stft_conv_mask.tsfix.onnx", "stride"),
    not_yet("export-zoo/codec_weightnorm.dy.onnx", "ConvTranspose"),
    not_yet("export-zoo/codec_weightnorm.ts.onnx", "ConvTranspose"),
    not_yet("export-zoo/codec_weightnorm.tsfix.onnx", "ConvTranspose"),
    not_yet("export-zoo/comp_tvfilm.dy.onnx", "MaxPool"),
    not_yet("export-zoo/comp_tvfilm.dydyn.onnx", "MaxPool"),
    not_yet("export-zoo/comp_tvfilm.ts.onnx", "MaxPool"),
    not_yet("export-zoo/comp_tvfilm.tsfix.onnx", "MaxPool"),
    not_yet("export-zoo/fft_native.dy.onnx", ""),
    not_yet("export-zoo/rnn_stateful.dy.onnx", "time axis"),
    not_yet("export-zoo/spec_conv2d.dy.onnx", ""),
    not_yet("export-zoo/spec_conv2d.ts.onnx", ""),
    not_yet("export-zoo/spec_conv2d.tsfix.onnx", ""),
    not_yet("export-zoo/spec_fc_bn.dy.onnx", "frames with features"),
    not_yet("export-zoo/spec_fc_bn.ts.onnx", "frames with features"),
    not_yet("export-zoo/spec_fc_bn.tsfix.onnx", "frames with features"),
    not_yet("bench/nam_std_64.onnx", "two audio outputs"),
    not_yet("bench/nam_std_512.onnx", "two audio outputs"),
    not_yet("onnx/GuitarLSTM-libtorch-dynamic.onnx", "stride"),
    not_yet("onnx/GuitarLSTM-tflite-256.onnx", "batch"),
    not_yet("onnx/dtln_model_1.onnx", "LSTM"),
    not_yet("onnx/dtln_model_2.onnx", "time where"),
    not_yet("onnx/gtcrn.onnx", "frames of the signal"),
    not_yet("onnx/gtcrn_simple.onnx", "frames of the signal"),
    not_yet("onnx/ldsp_topline.onnx", "16 frames"),
    not_yet("onnx/simple_gain_network_mono.onnx", "all frames"),
    not_yet("onnx/simple_gain_network_stereo.onnx", "all frames"),
    not_yet("onnx/waveunet_distort.onnx", "one frame in 2"),
    not_yet("fixtures/conv_strided.onnx", "changes the rate"),
    not_yet("fixtures/conv_transpose.onnx", "changes the rate"),
    not_yet("fixtures/conv_transpose_grouped.onnx", "ConvTranspose"),
];

/// The entry of a file.
pub fn refused(file: &str) -> Option<&'static Refused> {
    REFUSED.iter().find(|refused| refused.file == file)
}
