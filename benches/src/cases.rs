//! What is measured: one network per case, in the form that each engine reads.

use crate::folders::Folders;
use anyhow::{Result, ensure};
use std::path::PathBuf;
use tonegraft_engine::Options;

/// A network.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name in the report.
    pub name: &'static str,
    /// The `.nam` file, relative to the third-party data; else the graph of that name is the model.
    pub nam: Option<&'static str>,
    /// Which of the sizes in the file.
    pub size: Option<f32>,
    /// The graph has a twin with its past as inputs, for engines without memory.
    #[cfg_attr(not(any(feature = "onnxruntime", feature = "tract")), expect(dead_code))]
    pub has_twin: bool,
    /// Other files of the same network that we play: label, file, and the block it is made for.
    pub others: &'static [(&'static str, &'static str, Option<usize>)],
    /// It is played with weights of 16 bits, too.
    pub half: bool,
    /// Frames per block.
    pub blocks: &'static [usize],
    /// The rate at which real time is judged, in Hz.
    pub rate: f64,
}

/// Blocks of hosts.
const BLOCKS: [usize; 7] = [1, 16, 32, 64, 128, 512, 2048];

/// 1, 4 and 8 frames of a codec.
const FRAMES: [usize; 3] = [320, 1280, 2560];

const USUAL: Case = Case {
    name: "",
    nam: None,
    size: None,
    has_twin: true,
    others: &[],
    half: false,
    blocks: &BLOCKS,
    rate: 48_000.0,
};

const RECURRENT: Case = Case {
    has_twin: false,
    ..USUAL
};

const CODEC: Case = Case {
    half: true,
    blocks: &FRAMES,
    rate: 24_000.0,
    ..USUAL
};

/// All, in the order of the report.
pub const CASES: &[Case] = &[
    Case {
        name: "a1-standard",
        nam: Some("nam/wavenet_a1_standard.nam"),
        others: &[
            ("onnx", "a1-standard.onnx", None),
            ("onnx with states", "a1-standard.states.onnx", None),
            ("onnx of another exporter", "bench/nam_std_sym.onnx", None),
            ("onnx of 64 frames", "bench/nam_std_64.onnx", Some(64)),
            ("onnx of 512 frames", "bench/nam_std_512.onnx", Some(512)),
        ],
        ..USUAL
    },
    Case {
        name: "a2-full",
        nam: Some("nam/A2.nam"),
        size: Some(1.0),
        ..USUAL
    },
    Case {
        name: "a2-lite",
        nam: Some("nam/A2.nam"),
        size: Some(0.1),
        ..USUAL
    },
    Case {
        name: "feather",
        nam: Some("nam/BossWN-feather.nam"),
        ..USUAL
    },
    Case {
        name: "nano",
        nam: Some("nam/BossWN-nano.nam"),
        ..USUAL
    },
    Case {
        name: "lstm16",
        ..RECURRENT
    },
    Case {
        name: "lstm24",
        ..RECURRENT
    },
    Case {
        name: "lstm40",
        ..RECURRENT
    },
    Case {
        name: "gru40",
        ..RECURRENT
    },
    Case { name: "tcn", ..USUAL },
    Case {
        name: "encoder",
        ..CODEC
    },
    Case {
        name: "decoder",
        ..CODEC
    },
];

impl Case {
    /// What we play.
    pub fn model(&self, folders: &Folders) -> Option<PathBuf> {
        match self.nam {
            Some(file) => folders.data.as_ref().map(|data| data.join(file)),
            None => Some(self.graph(folders)),
        }
    }

    /// The same as a graph.
    pub fn graph(&self, folders: &Folders) -> PathBuf {
        folders.models.join(format!("{}.onnx", self.name))
    }

    /// The graph with its past as inputs.
    #[cfg(any(feature = "onnxruntime", feature = "tract"))]
    pub fn twin(&self, folders: &Folders) -> PathBuf {
        if self.has_twin {
            folders.models.join(format!("{}.states.onnx", self.name))
        } else {
            self.graph(folders)
        }
    }

    /// How its file is read.
    pub fn options(&self) -> Options {
        let mut options = Options::default();
        options.size = self.size;
        options
    }
}

/// The cases whose name is among `names`, all if there are none.
///
/// # Errors
/// A name is unknown.
pub fn chosen(names: &[String]) -> Result<Vec<Case>> {
    for name in names {
        ensure!(
            CASES.iter().any(|case| case.name == name),
            "there is no model `{name}`; there are: {}",
            CASES.iter().map(|case| case.name).collect::<Vec<_>>().join(", ")
        );
    }
    Ok(CASES
        .iter()
        .filter(|case| names.is_empty() || names.iter().any(|name| case.name == name))
        .copied()
        .collect())
}

/// Writes the `.nam` cases as graphs.
///
/// # Errors
/// A file cannot be read, converted or written.
pub fn convert(folders: &Folders) -> Result<()> {
    let Some(data) = &folders.data else { return Ok(()) };
    std::fs::create_dir_all(&folders.models)?;
    for case in CASES {
        let Some(file) = case.nam else { continue };
        let model = tonegraft_engine::Model::from_file(&data.join(file), &case.options())?;
        std::fs::write(case.graph(folders), tonegraft_model::to_onnx(model.graph())?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_choose_and_unknown_ones_are_told() {
        assert_eq!(chosen(&[]).map(|all| all.len()).ok(), Some(CASES.len()));
        assert_eq!(chosen(&["tcn".into()]).map(|all| all[0].name).ok(), Some("tcn"));
        assert!(chosen(&["tnc".into()]).is_err_and(|error| error.to_string().contains("tcn")));
    }
}
