//! The documentation: its links lead somewhere, every page is reachable from the README, and every command in it is one
//! that mcpgw understands.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its world breaks")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::error::ErrorKind;
use mcpgw::cli::Cli;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README and what is in docs/.
fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).unwrap().flatten().map(|entry| entry.path());
    let mut pages: Vec<_> =
        docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    pages.push(root().join("README.md"));
    pages.push(root().join("CONTRIBUTING.md"));
    pages.sort();
    pages
}

/// Where `[words](here)` leads.
fn links(text: &str) -> Vec<String> {
    let ends = text.match_indices("](").map(|(at, _)| &text[at + 2..]);
    ends.filter_map(|rest| Some(rest.split_once(')')?.0.to_string())).collect()
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase().replace('`', "");
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).collect::<String>().replace(' ', "-")
}

fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_leads_to_a_file_or_a_heading_that_exists() {
    let mut broken = vec![];
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).iter().filter(|link| !link.contains("://") && !link.starts_with("mailto:")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let fits = match fs::read_to_string(&target) {
                Ok(text) => heading.is_empty() || anchors(&text).contains(&heading.to_string()),
                Err(_) => target.is_dir(),
            };
            if !fits {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn every_page_is_reachable_from_the_readme() {
    let mut reached = BTreeSet::new();
    let mut open = vec![root().join("README.md")];
    while let Some(page) = open.pop() {
        let page = page.canonicalize().unwrap();
        let Ok(text) = fs::read_to_string(&page) else { continue };
        if page.extension().is_none_or(|ending| ending != "md") || !reached.insert(page.clone()) {
            continue;
        }
        let local = links(&text).into_iter().filter(|link| !link.contains("://") && !link.starts_with('#'));
        open.extend(local.map(|link| page.parent().unwrap().join(link.split('#').next().unwrap())));
    }
    let lost: Vec<_> =
        pages().into_iter().filter(|page| !reached.contains(&page.canonicalize().unwrap())).collect();
    assert_eq!(lost, Vec::<PathBuf>::new(), "no way leads there from README.md");
}

/// Every `mcpgw ...` in code: whole lines of shell blocks, and what stands in backticks.
fn commands(text: &str) -> Vec<String> {
    let mut found = vec![];
    let mut language = None;
    for line in text.lines() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            language = language.is_none().then(|| fence.to_string());
            continue;
        }
        match language.as_deref() {
            Some("sh") => found.push(line.to_string()),
            Some(_) => {}
            None => found.extend(line.split('`').skip(1).step_by(2).map(str::to_string)),
        }
    }
    let mine = found.iter().map(|line| line.split(" #").next().unwrap().trim());
    mine.filter(|line| line.starts_with("mcpgw ") || line.contains("$(mcpgw ")).map(str::to_string).collect()
}

/// The words of one, quotes taken off; what the shell does with the rest of the line is its own business.
fn words(command: &str) -> Vec<String> {
    let command = command.split_once("$(").map_or(command, |(_, inner)| inner.split(')').next().unwrap());
    let command = command.split(['|', '<', '>', ';', '&']).next().unwrap();
    let (mut words, mut word, mut quote) = (vec![], String::new(), None);
    for char in command.chars().chain([' ']) {
        match (char, quote) {
            ('"' | '\'', None) => quote = Some(char),
            (char, Some(open)) if char == open => quote = None,
            (' ', None) if word.is_empty() => {}
            (' ', None) => words.push(std::mem::take(&mut word)),
            _ => word.push(char),
        }
    }
    words
}

#[test]
fn every_command_in_the_documentation_is_understood() {
    let mut wrong = vec![];
    let mut count = 0;
    for page in pages() {
        for command in commands(&fs::read_to_string(&page).unwrap()) {
            count += 1;
            match Cli::try_parse_from(words(&command)).map_err(|error| error.kind()) {
                Ok(_) | Err(ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {}
                // The name of a command that is spoken of, and not called.
                Err(
                    ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
                ) if words(&command).len() == 2 => {}
                Err(kind) => wrong.push(format!("{}: {command}: {kind:?}", page.display())),
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count > 30, "the documentation has hardly any command in it: {count}");
}

/// The ids in the second column of a table that has them.
fn ids(text: &str) -> BTreeSet<String> {
    let table = text.split("| you see | id | it means |").nth(1).expect("README's table of doctor's ids");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.flat_map(|row| {
        row.split('|').nth(2).unwrap().split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn the_readmes_doctor_ids_are_doctors() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let known = fs::read_to_string(root().join("docs/doctor.md")).unwrap();
    let rows =
        |id: &String| known.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{id}`")));
    let ids = ids(&readme);
    let unknown: Vec<_> = ids.iter().filter(|id| !rows(id)).collect();
    assert!(unknown.is_empty() && ids.len() > 10, "docs/doctor.md knows nothing of {unknown:?}");
}

#[test]
fn the_readme_begins_with_two_commands_and_names_the_tests_as_ci_reads_them() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let try_it = text.split("## Try it").nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks: Vec<&str> =
        try_it.split("```sh\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    assert_eq!(blocks, ["cargo run --release -- tunnel --demo", "cargo test"]);
    assert!(try_it.contains("<!-- tests -->\n```sh\ncargo test\n```"));
}
