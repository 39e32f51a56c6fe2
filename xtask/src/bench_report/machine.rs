//! What the figures are measured on.

use crate::run;
use std::process::Command;

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Names its history: lower case, digits and hyphens.
    pub slug: String,
    /// In words.
    pub text: String,
}

impl Machine {
    /// This one.
    pub fn this() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = field(&info, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
        let kind = match (field(&info, "cpu family"), field(&info, "model")) {
            (Some(family), Some(model)) => format!(" family {family} model {model}"),
            _ => String::new(),
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let compiler = run::capture(Command::new("rustc").arg("--version")).unwrap_or_default();
        Self {
            slug: slug(&format!("{processor}{kind}")),
            text: format!(
                "{processor}{kind}, {cores} cores visible, {}; {}",
                std::env::consts::OS,
                compiler.trim()
            ),
        }
    }
}

/// How busy the machine was in the last minute, where it says so.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or_default().to_owned()
}

fn field(info: &str, key: &str) -> Option<String> {
    info.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then(|| value.trim().to_owned())
    })
}

fn slug(text: &str) -> String {
    let words: String = text
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' })
        .collect();
    words.split_whitespace().collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_becomes_the_name_of_a_file() {
        let info = "processor\t: 0\nmodel\t\t: 2\nmodel name\t: Intel(R) Core(TM) i7 @ 3.4GHz\n";
        assert_eq!(
            field(info, "model name").map(|name| slug(&name)).as_deref(),
            Some("intel-r-core-tm-i7-3-4ghz")
        );
        assert_eq!(field(info, "model").as_deref(), Some("2"));
    }
}
