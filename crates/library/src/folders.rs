//! Where the user's files are.
//!
//! Below the platform's data folder: `~/.local/share/Tonegraft` on Linux, `~/Library/Application Support/Tonegraft` on macOS,
//! `%APPDATA%\Tonegraft` on Windows. `None` where the user has no home.

use directories::BaseDirs;
use std::path::PathBuf;

/// The folder for everything that is the user's.
pub fn data() -> Option<PathBuf> {
    BaseDirs::new().map(|dirs| dirs.data_dir().join("Tonegraft"))
}

/// The default library folder.
pub fn models() -> Option<PathBuf> {
    data().map(|data| data.join("models"))
}

/// The user's presets.
pub fn presets() -> Option<PathBuf> {
    data().map(|data| data.join("presets"))
}

/// The records of listening tests.
pub fn tests() -> Option<PathBuf> {
    data().map(|data| data.join("listening tests"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_and_presets_are_inside_the_users_data() {
        let Some(data) = data() else {
            return assert_eq!((models(), presets()), (None, None));
        };
        assert!(data.is_absolute() && data.ends_with("Tonegraft"));
        assert_eq!(models(), Some(data.join("models")));
        assert_eq!(presets(), Some(data.join("presets")));
    }
}
