//! Where things are.

use crate::run;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace as cargo sees it.
pub struct Project {
    /// The workspace's root.
    pub root: PathBuf,
    /// Cargo's target folder, wherever the environment puts it.
    pub target: PathBuf,
    /// `cargo metadata` without dependencies.
    pub metadata: Value,
}

impl Project {
    /// Asks cargo.
    ///
    /// # Errors
    /// Cargo does not answer.
    pub fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let mut command = Command::new(cargo());
        command
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(manifest);
        let metadata: Value =
            serde_json::from_str(&run::capture(&mut command)?).context("cargo metadata is not JSON")?;
        let path = |key: &str| -> Result<PathBuf> {
            Ok(PathBuf::from(
                metadata[key]
                    .as_str()
                    .with_context(|| format!("cargo metadata has no {key}"))?,
            ))
        };
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
            metadata,
        })
    }

    /// A cargo command that runs in the root.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo());
        command.current_dir(&self.root).args(arguments);
        command
    }

    /// The folder of third-party data, if it is there.
    pub fn test_data(&self) -> Option<PathBuf> {
        let folder = match std::env::var_os("TONEGRAFT_TEST_DATA") {
            Some(folder) => self.root.join(folder),
            None => self.root.join("../shared/data"),
        };
        folder.is_dir().then_some(folder)
    }

    /// The folder of third-party data, `None` where it may be absent and is.
    ///
    /// # Errors
    /// It is absent and `TONEGRAFT_REQUIRE_TEST_DATA` is 1.
    pub fn demanded_test_data(&self) -> Result<Option<PathBuf>> {
        let folder = self.test_data();
        let demanded = std::env::var_os("TONEGRAFT_REQUIRE_TEST_DATA").is_some_and(|value| value == "1");
        ensure!(
            folder.is_some() || !demanded,
            "TONEGRAFT_REQUIRE_TEST_DATA is 1, but there is no third-party data; set TONEGRAFT_TEST_DATA to its folder"
        );
        Ok(folder)
    }

    /// A guitar straight from the pickup: a recording where the third-party data is there, else the project's own plucked string.
    pub fn guitar(&self) -> PathBuf {
        self.test_data()
            .map(|folder| folder.join("audio/nam_guitar_di.wav"))
            .filter(|file| file.is_file())
            .unwrap_or_else(|| self.root.join("tests/data/pluck_di.wav"))
    }

    /// Ids and files of the models that ship, sorted.
    ///
    /// # Errors
    /// The folder cannot be read or holds none.
    pub fn shipped_models(&self) -> Result<Vec<PathBuf>> {
        let folder = self.root.join("models/shipped");
        let mut models = Vec::new();
        for entry in std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "onnx") {
                models.push(path);
            }
        }
        models.sort();
        ensure!(!models.is_empty(), "no model in {}", folder.display());
        Ok(models)
    }

    /// `path` as seen from the root, for messages.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}

/// The cargo that runs this program, else the one on the path.
pub fn cargo() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
