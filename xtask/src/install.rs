//! Copies the bundles to this user's own plugin folders; nothing needs an administrator.

use crate::bundle::{self, Bundles};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Copies and says where to.
///
/// # Errors
/// The home folder is unknown or cannot be written.
pub fn run(bundles: &Bundles) -> Result<()> {
    let (vst3, clap, programs) = folders()?;
    put(&bundles.vst3, &vst3)?;
    put(&bundles.clap, &clap)?;
    put(&bundles.standalone, &programs)?;
    put(&bundles.cli, &programs)?;
    let on_path =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder == programs));
    if !on_path {
        println!(
            "note: {} is not on your PATH; the programs run by their full path",
            programs.display()
        );
    }
    Ok(())
}

/// The user's folders for VST3, CLAP and programs.
fn folders() -> Result<(PathBuf, PathBuf, PathBuf)> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    if cfg!(windows) {
        let local = variable("LOCALAPPDATA").context("LOCALAPPDATA is not set")?;
        let common = local.join("Programs/Common");
        return Ok((
            common.join("VST3"),
            common.join("CLAP"),
            local.join("Programs/Tonegraft"),
        ));
    }
    let home = variable("HOME").context("HOME is not set")?;
    if cfg!(target_os = "macos") {
        let plugins = home.join("Library/Audio/Plug-Ins");
        return Ok((plugins.join("VST3"), plugins.join("CLAP"), home.join(".local/bin")));
    }
    Ok((home.join(".vst3"), home.join(".clap"), home.join(".local/bin")))
}

fn put(what: &Path, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let place = folder.join(what.file_name().context("a bundle has a name")?);
    bundle::replace(&place, |fresh| copy(what, fresh))?;
    println!("installed {}", place.display());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        std::fs::copy(from, to)?;
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
