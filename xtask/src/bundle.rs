//! The release bundles: `Tonegraft.vst3` (a folder), `Tonegraft.clap`, the standalone and the command line program.
//!
//! A bundle is assembled beside its place and renamed into it, so a host that has the old one loaded keeps it whole.

use crate::project::Project;
use crate::run;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the bundles' name stands.
const CONFIG: &str = "bundler.toml";

/// Libraries that a Linux plugin may need; everything else is a host's or found at run time.
const ALLOWED_LIBRARIES: &[&str] = &[
    "libc.so",
    "libm.so",
    "libgcc_s.so",
    "libdl.so",
    "libpthread.so",
    "librt.so",
    "ld-linux",
];

/// What hosts look up in the library.
const EXPORTS: &[&str] = &["clap_entry", "GetPluginFactory", "ModuleEntry", "ModuleExit"];

/// The files that were made.
pub struct Bundles {
    /// The VST3 folder.
    pub vst3: PathBuf,
    /// The CLAP file (a folder on macOS).
    pub clap: PathBuf,
    /// The program with its own window and audio device.
    pub standalone: PathBuf,
    /// The command line program.
    pub cli: PathBuf,
}

impl Bundles {
    /// One line each.
    pub fn print(&self) {
        for path in [&self.vst3, &self.clap, &self.standalone, &self.cli] {
            println!("{}", path.display());
        }
    }
}

/// Builds and bundles.
///
/// # Errors
/// The build fails or the library is not a plugin.
pub fn run(project: &Project) -> Result<Bundles> {
    run::stream(&mut project.cargo(&[
        "build",
        "--locked",
        "--release",
        "-p",
        "tonegraft",
        "-p",
        "tonegraft-plugin",
        "--features",
        "tonegraft-plugin/standalone",
    ]))?;
    let built = project.target.join("release");
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = built.join(format!("{prefix}tonegraft_plugin{suffix}"));
    check_library(&library)?;
    let folder = project.target.join("bundled");
    std::fs::create_dir_all(&folder)?;
    let name = &bundle_name(project)?;
    let bundles = Bundles {
        vst3: folder.join(format!("{name}.vst3")),
        clap: folder.join(format!("{name}.clap")),
        standalone: folder.join(format!("tonegraft-standalone{}", std::env::consts::EXE_SUFFIX)),
        cli: folder.join(format!("tonegraft{}", std::env::consts::EXE_SUFFIX)),
    };
    replace(&bundles.vst3, |fresh| {
        let binary = fresh.join(vst3_binary(name)?);
        std::fs::create_dir_all(binary.parent().context("the VST3 binary has a folder")?)?;
        std::fs::copy(&library, &binary)?;
        if cfg!(target_os = "macos") {
            mac_metadata(fresh, name, "vst3")
        } else {
            Ok(())
        }
    })?;
    replace(&bundles.clap, |fresh| {
        if cfg!(target_os = "macos") {
            let binary = fresh.join("Contents/MacOS").join(name);
            std::fs::create_dir_all(binary.parent().context("the CLAP binary has a folder")?)?;
            std::fs::copy(&library, &binary)?;
            mac_metadata(fresh, name, "clap")
        } else {
            std::fs::copy(&library, fresh)?;
            Ok(())
        }
    })?;
    for program in [&bundles.standalone, &bundles.cli] {
        let file = program.file_name().context("a program has a name")?;
        replace(program, |fresh| {
            std::fs::copy(built.join(file), fresh)?;
            Ok(())
        })?;
    }
    Ok(bundles)
}

/// Makes a file or folder under a temporary name beside `place` and renames it into place.
///
/// # Errors
/// `make` fails or the folder cannot be written.
pub fn replace(place: &Path, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let name = place
        .file_name()
        .context("a bundle has a name")?
        .to_string_lossy()
        .into_owned();
    let beside = |word: &str| place.with_file_name(format!(".{name}.{word}-{}", std::process::id()));
    let (fresh, old) = (beside("new"), beside("old"));
    remove(&fresh)?;
    make(&fresh).with_context(|| format!("cannot make {}", place.display()))?;
    if place.is_dir() {
        // A folder cannot be renamed onto another one.
        std::fs::rename(place, &old)?;
    }
    std::fs::rename(&fresh, place).with_context(|| format!("cannot put {} in its place", place.display()))?;
    remove(&old)
}

fn remove(path: &Path) -> Result<()> {
    if path.is_dir() {
        std::fs::remove_dir_all(path)?;
    } else if path.exists() {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// What the plugin is called in hosts and in file names.
fn bundle_name(project: &Project) -> Result<String> {
    let text = std::fs::read_to_string(project.root.join(CONFIG)).with_context(|| format!("cannot read {CONFIG}"))?;
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    Ok(name
        .with_context(|| format!("{CONFIG} has no line `name = \"…\"`"))?
        .to_owned())
}

/// Where the library is inside the VST3 folder.
fn vst3_binary(name: &str) -> Result<PathBuf> {
    let architecture = std::env::consts::ARCH;
    let path = match std::env::consts::OS {
        "linux" => format!("Contents/{architecture}-linux/{name}.so"),
        "macos" => format!("Contents/MacOS/{name}"),
        "windows" if architecture == "aarch64" => format!("Contents/arm64-win/{name}.vst3"),
        "windows" => format!("Contents/{architecture}-win/{name}.vst3"),
        other => anyhow::bail!("no VST3 bundle layout is known for {other}"),
    };
    Ok(PathBuf::from(path))
}

/// macOS wants to know what the folder is.
fn mac_metadata(bundle: &Path, name: &str, kind: &str) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let keys = [
        ("CFBundleExecutable", name),
        ("CFBundleIdentifier", &format!("org.tonegraft.tonegraft.{kind}")),
        ("CFBundleName", name),
        ("CFBundleDisplayName", name),
        ("CFBundlePackageType", "BNDL"),
        ("CFBundleSignature", "????"),
        ("CFBundleVersion", version),
        ("CFBundleShortVersionString", version),
        ("LSMinimumSystemVersion", "11.0"),
    ];
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\">\n<dict>\n");
    for (key, value) in keys {
        text.push_str(&format!("  <key>{key}</key>\n  <string>{value}</string>\n"));
    }
    text.push_str("</dict>\n</plist>\n");
    std::fs::write(bundle.join("Contents/Info.plist"), text)?;
    std::fs::write(bundle.join("Contents/PkgInfo"), "BNDL????")?;
    Ok(())
}

/// On Linux: the entry points are exported, and nothing is needed that a user's system may lack.
fn check_library(library: &Path) -> Result<()> {
    ensure!(library.is_file(), "the build made no {}", library.display());
    if !cfg!(target_os = "linux") || run::on_path("readelf").is_none() {
        return Ok(());
    }
    let dynamic = run::capture(Command::new("readelf").arg("-dW").arg(library))?;
    for line in dynamic.lines().filter(|line| line.contains("(NEEDED)")) {
        ensure!(
            ALLOWED_LIBRARIES.iter().any(|allowed| line.contains(allowed)),
            "the plugin needs a library that users may lack: {}",
            line.trim()
        );
    }
    let symbols = run::capture(Command::new("readelf").args(["-W", "--dyn-syms"]).arg(library))?;
    for name in EXPORTS {
        ensure!(
            symbols
                .lines()
                .any(|line| line.split_whitespace().last() == Some(*name) && !line.contains(" UND ")),
            "{} does not export {name}",
            library.display()
        );
    }
    Ok(())
}
