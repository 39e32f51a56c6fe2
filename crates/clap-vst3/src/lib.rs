//! clap-vst3
