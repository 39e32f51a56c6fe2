//! A report as one HTML page that needs nothing else.

use super::collect::Problem;
use super::{plot, text};
use anyhow::Result;
use tonegraft_analysis::listening::pool::{Group, Pool};

const STYLE: &str = "
:root { color-scheme: light dark; --ink: #262b33; --back: #f5f6f8; --card: #fff; --faint: #6a7280; --line: #d9dde3; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --back: #16191e; --card: #20242b; --faint: #9aa3b2; --line: #363c46; --bad: #ff8a80; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--back); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.25rem; margin: 1rem 0; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 0 0 .25rem; }
.faint { color: var(--faint); font-size: .85rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .75rem 0; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
tr:last-child td { font-weight: 600; } svg { max-width: 100%; height: auto; border-radius: 6px; margin: .25rem 0; }
.bad { color: var(--bad); } .bad h2 { color: var(--bad); }
";

pub(super) fn write(pool: &Pool, problems: &[Problem]) -> Result<String> {
    let mut body = String::from("<h1>Listening tests</h1>\n");
    for group in &pool.groups {
        body.push_str(&section(group, pool.groups.len() > 1)?);
    }
    for (title, lines) in text::apart(pool, problems) {
        let class = if title.starts_with("NOT COUNTED") {
            " class=\"bad\""
        } else {
            ""
        };
        body.push_str(&format!("<section{class}><h2>{}</h2>\n<ul>\n", escaped(title)));
        for line in lines {
            body.push_str(&format!("<li>{}</li>\n", escaped(&line)));
        }
        body.push_str("</ul></section>\n");
    }
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Listening tests</title><style>{STYLE}</style></head>\n<body>\n{body}</body></html>\n"
    ))
}

fn section(group: &Group, several: bool) -> Result<String> {
    let mut html = format!(
        "<section><h2>{}: {}</h2>\n",
        escaped(group.kind.title()),
        escaped(&group.title())
    );
    for subject in &group.subjects {
        if let Some(hash) = &subject.sha256 {
            html.push_str(&format!(
                "<div class=\"faint\">{}: {} · SHA-256 {}</div>\n",
                subject.role.name(),
                escaped(&subject.name),
                escaped(hash)
            ));
        }
    }
    html.push_str("<div class=\"scroll\"><table>\n");
    for (index, row) in text::rows(group, several).iter().enumerate() {
        let tag = if index == 0 { "th" } else { "td" };
        html.push_str("<tr>");
        for cell in row {
            html.push_str(&format!("<{tag}>{}</{tag}>", escaped(cell)));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table></div>\n");
    for sentence in group.sentences() {
        html.push_str(&format!("<p>{}</p>\n", escaped(&sentence)));
    }
    for (_, svg) in plot::all(group)? {
        html.push_str(&svg);
        html.push('\n');
    }
    html.push_str("</section>\n");
    Ok(html)
}

/// Names come from files: none may become markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
