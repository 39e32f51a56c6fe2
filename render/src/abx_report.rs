//! `tonegraft abx-report`: logs of listening tests, verified and summed up.
//!
//! * `collect`: files and folders to logs, and to what is wrong with the others.
//! * `text`, `json`, `page`: the three forms of a report; `plot`: its pictures.

mod collect;
mod json;
mod page;
mod plot;
mod text;

use crate::cli::AbxReportArgs;
use crate::line;
use anyhow::{Context, Result, bail};
use collect::Collected;
use std::path::Path;
use tonegraft_analysis::listening::pool::Pool;

/// Runs the command.
///
/// # Errors
/// A log that cannot be read, is damaged or does not match its commitment (after the report about the others); no log at all; files
/// that cannot be written.
pub fn run(args: &AbxReportArgs) -> Result<()> {
    let Collected { logs, problems, others } = collect::collect(&args.logs)?;
    if logs.is_empty() {
        match problems.as_slice() {
            [] => bail!(
                "there is no listening log in what was named ({others} other .json files); name the logs that the plugin wrote, or their folder"
            ),
            [only] => bail!("{}: {}", only.path.display(), only.error),
            [first, ..] => bail!(
                "none of the {} logs can be used; {}: {}",
                problems.len(),
                first.path.display(),
                first.error
            ),
        }
    }
    let pool = Pool::of(logs);
    if args.json {
        line(&serde_json::to_string(&json::report(&pool, &problems))?)?;
    } else {
        line(&text::report(&pool, &problems))?;
    }
    if let Some(folder) = &args.html {
        let page = page::write(&pool, &problems)?;
        write(folder, "abx-report.html", &page)?;
    }
    if let Some(folder) = &args.svg {
        for (index, group) in pool.groups.iter().enumerate() {
            for (name, svg) in plot::all(group)? {
                write(folder, &format!("{}-{}-{name}.svg", index + 1, group.kind.name()), &svg)?;
            }
        }
    }
    match problems.len() {
        0 => Ok(()),
        1 => bail!("{}: {}", problems[0].path.display(), problems[0].error),
        count => bail!("{count} logs are not counted, see the report"),
    }
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let path = folder.join(name);
    std::fs::write(&path, text).with_context(|| format!("{}: cannot be written", path.display()))
}
