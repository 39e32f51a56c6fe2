//! Rules on all text: no machine's paths, no unfinished work, plain whitespace, and a README that names the two commands.

use super::{Findings, TextFile};

/// Words for work that was put off. In pieces, so that this file does not find itself.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
];

/// Starts of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

/// Users of examples: their paths are nobody's.
const EXAMPLE_USERS: &[&str] = &["me/", "player/", "somebody/", "ä b/"];

/// What the README must tell a newcomer.
const COMMANDS: &[&str] = &["./demo.sh", "./check.sh"];

/// Text that other programs write, or whose form is a standard's.
fn generated(path: &str) -> bool {
    path.ends_with(".lock") || path.starts_with("LICENSE") || path.ends_with(".csv") || path.ends_with(".snap")
}

/// Runs the rules.
pub fn check(files: &[TextFile], findings: &mut Findings) {
    for file in files.iter().filter(|file| !generated(&file.path)) {
        let mut report = |number: usize, what: &str| findings.error(format!("{}:{}: {what}", file.path, number + 1));
        for (number, line) in file.text.lines().enumerate() {
            if line.contains('\t') && !file.path.ends_with("Makefile") {
                report(number, "a tab");
            }
            if line.ends_with([' ', '\r']) {
                report(number, "white space at the end of the line");
            }
            if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
                report(number, &format!("unfinished work ({word})"));
            }
            if let Some(path) = MACHINE_PATHS.iter().find(|path| has_path(line, path)) {
                report(number, &format!("a path of one machine ({path}…)"));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') && !file.path.ends_with(".json") {
            report(
                file.text.lines().count().saturating_sub(1),
                "no newline at the end of the file",
            );
        }
    }
    match files.iter().find(|file| file.path == "README.md") {
        Some(readme) => {
            for command in COMMANDS.iter().filter(|command| !readme.text.contains(**command)) {
                findings.error(format!("README.md does not name {command}"));
            }
        }
        None => findings.error("README.md is missing".to_owned()),
    }
}

/// `word` with nothing alphanumeric at either side.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let joined = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !line[..at].ends_with(joined) && !line[at + word.len()..].starts_with(joined)
    })
}

/// `path` as the start of an absolute path, not as part of a longer one, of an address or of an example.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let joined = line[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || "._-~}$".contains(c));
        let rest = &line[at + path.len()..];
        !joined && !EXAMPLE_USERS.iter().any(|user| rest.starts_with(user))
    })
}

#[cfg(test)]
mod tests {
    use super::{check, has_path, has_word};
    use crate::tidy::{Findings, TextFile};

    fn errors(text: &str) -> usize {
        let file = |path: &str, text: &str| TextFile {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let mut findings = Findings::default();
        check(
            &[file("README.md", "./demo.sh ./check.sh\n"), file("a.rs", text)],
            &mut findings,
        );
        findings.errors.len()
    }

    #[test]
    fn each_rule_can_fail() {
        assert_eq!(errors("fn f() {}\n"), 0);
        assert_eq!(errors("fn f() {}"), 1);
        assert_eq!(errors("\tfn f() {}\n"), 1);
        assert_eq!(errors("fn f() {} \n"), 1);
        assert_eq!(errors(concat!("// TO", "DO: more\n")), 1);
        assert_eq!(errors(concat!("let p = \"/ro", "ot/x\";\n")), 1);
    }

    #[test]
    fn words_and_paths_have_borders() {
        assert!(has_word("a HX b", "HX"));
        assert!(!has_word("a HXs b", "HX"));
        assert!(has_path("in /q/x", "/q/"));
        assert!(!has_path("https://example.org/q/x", "/q/"));
        assert!(!has_path("in /q/me/x", "/q/"));
    }
}
