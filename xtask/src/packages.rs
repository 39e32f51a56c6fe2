//! System packages: what is missing is installed by apt where that is possible, else named in one sentence.

use crate::run;
use anyhow::{Result, bail};
use std::process::Command;

/// What the packages are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Building the bundles and the standalone.
    Build,
    /// Also the window under Xvfb and the Python environment of the host checks.
    Hosts,
    /// Linking and running tests for AArch64 on another processor, and nothing else.
    Arm,
}

/// Debian's and Ubuntu's names.
const BUILD: &[&str] = &[
    "build-essential",
    "pkg-config",
    "libgl1-mesa-dev",
    "libx11-xcb-dev",
    "libxcb1-dev",
    "libxcb-icccm4-dev",
    "libxkbcommon-dev",
    "libxkbcommon-x11-dev",
    "libasound2-dev",
    "libjack-jackd2-dev",
];
const HOSTS: &[&str] = &["xvfb", "xauth", "libgl1-mesa-dri", "xdotool", "imagemagick"];
const ARM: &[&str] = &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"];

/// Installs what `need` wants and the system lacks. Nothing is asked of systems other than Linux.
///
/// # Errors
/// Something is missing and cannot be installed; the message is the sentence for the user.
pub fn install_missing(need: Need) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let missing = missing(need);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    if run::on_path("apt-get").is_none() {
        if run::on_path("dpkg-query").is_none() {
            // Another family of Linux: the linker says what is missing, better than guesses by foreign package names.
            eprintln!(
                "note: this system has no apt; if the build fails, install your system's counterparts of: {list}"
            );
            return Ok(());
        }
        bail!("these system packages are missing and apt-get is not here to install them: {list}");
    }
    let root = run::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let sudo = run::on_path("sudo").is_some();
    if !root && !sudo {
        bail!("some system packages are missing; install them as an administrator with: apt-get install {list}");
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if root { "env" } else { "sudo" });
        if !root {
            command.arg("env");
        }
        command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            .args(arguments);
        command
    };
    if !root && !run::succeeds(Command::new("sudo").args(["-n", "true"])) {
        // Asks for the password before a spinner hides the question.
        run::stream(Command::new("sudo").arg("-v"))?;
    }
    run::quiet("apt-get update", &mut apt(&["update", "-qq"]))?;
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&missing);
    run::quiet(&format!("apt-get install {list}"), &mut apt(&install))?;
    println!("installed: {list}");
    Ok(())
}

/// Names of the packages that `need` wants and the system lacks.
fn missing(need: Need) -> Vec<&'static str> {
    let mut wanted = if need == Need::Arm { ARM } else { BUILD }.to_vec();
    if need == Need::Hosts {
        wanted.extend(HOSTS);
        // A Python that brings `venv` itself needs no package.
        if !run::succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
            wanted.push("python3-venv");
        }
    }
    wanted.retain(|package| !installed(package));
    wanted
}

/// Whether dpkg has the package, under this name or as one that provides it.
fn installed(package: &str) -> bool {
    run::capture(Command::new("dpkg-query").args(["-W", "-f=${db:Status-Abbrev}", package]))
        .is_ok_and(|status| status.starts_with("ii"))
}
