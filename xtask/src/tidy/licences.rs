//! Every file that is not code says under which licence it may be passed on.

use super::{Findings, TextFile};

/// The licence texts at the root.
const TEXTS: &[&str] = &["LICENSE-MIT", "LICENSE-APACHE"];

/// Formats of models and audio.
const FORMATS: &[&str] = &["onnx", "nam", "wav", "npz", "flac", "ogg"];

/// Runs the rules.
pub fn check(paths: &[String], files: &[TextFile], findings: &mut Findings) {
    for text in TEXTS {
        if !paths.iter().any(|path| path == text) {
            findings.error(format!("{text} is missing"));
        }
    }
    let says = |path: &str| {
        files
            .iter()
            .find(|file| file.path == path)
            .is_some_and(|file| file.text.to_lowercase().contains("licen"))
    };
    for path in paths {
        let Some((stem, extension)) = path.rsplit_once('.') else {
            continue;
        };
        if !FORMATS.contains(&extension) {
            continue;
        }
        // A card of its own, or the page of one of the folders above it.
        let mut found = says(&format!("{stem}.md"));
        let mut folder = stem;
        while let Some((above, _)) = folder.rsplit_once('/') {
            found |= says(&format!("{above}/README.md"));
            folder = above;
        }
        if !found {
            findings.error(format!(
                "{path}: neither {stem}.md nor a README.md above it names its licence"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{TEXTS, check};
    use crate::tidy::{Findings, TextFile};

    fn errors(page: &str) -> usize {
        let file = TextFile {
            path: "models/fixtures/README.md".to_owned(),
            text: page.to_owned(),
        };
        let mut paths: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
        paths.extend(["models/fixtures/README.md", "models/fixtures/deep/a.onnx"].map(str::to_owned));
        let mut findings = Findings::default();
        check(&paths, &[file], &mut findings);
        findings.errors.len()
    }

    #[test]
    fn a_model_without_a_licence_is_found() {
        assert_eq!(errors("Licence: MIT OR Apache-2.0\n"), 0);
        assert_eq!(errors("Models.\n"), 1);
    }
}
