//! Putting a text into the clipboard: by the desktop's own program, else by asking the terminal to.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::{process, report};

/// A program that takes the clipboard's new content on standard input.
struct Tool {
    name: &'static str,
    args: &'static [&'static str],
    /// The variable without which it has no desktop to talk to; none is needed where this is empty.
    needs: &'static str,
}

const TOOLS: [Tool; 6] = [
    Tool { name: "wl-copy", args: &[], needs: "WAYLAND_DISPLAY" },
    Tool { name: "xclip", args: &["-selection", "clipboard"], needs: "DISPLAY" },
    Tool { name: "xsel", args: &["--clipboard", "--input"], needs: "DISPLAY" },
    Tool { name: "pbcopy", args: &[], needs: "" },
    Tool { name: "clip.exe", args: &[], needs: "" },
    Tool { name: "clip", args: &[], needs: "" },
];

/// Copies; answers how that was done.
pub(super) fn copy(text: &str) -> Result<String> {
    let mut failed = String::new();
    for (tool, path) in usable(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()), find) {
        match process::feed(path.as_os_str(), tool.args, text.as_bytes()) {
            Ok(()) => return Ok(format!("by {}", tool.name)),
            Err(why) => failed = format!(": {} {why}", tool.name),
        }
    }
    if report::ask_terminal_to_copy(text) {
        return Ok("by asking the terminal (OSC 52); some terminals refuse without a word".into());
    }
    Err(Error::failed("url.copy", format!("copy it: there is no clipboard here{failed}"))
        .fix("install wl-copy, xclip or xsel; at a terminal none of them is needed"))
}

fn usable(
    is_set: impl Fn(&str) -> bool,
    find: impl Fn(&str) -> Option<PathBuf>,
) -> Vec<(&'static Tool, PathBuf)> {
    let fits = TOOLS.iter().filter(|tool| tool.needs.is_empty() || is_set(tool.needs));
    fits.filter_map(|tool| Some((tool, find(tool.name)?))).collect()
}

fn find(name: &str) -> Option<PathBuf> {
    which::which(OsStr::new(name)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desktops_program_is_used_only_where_that_desktop_runs() {
        let everything = |name: &str| Some(PathBuf::from(name));
        let names =
            |found: Vec<(&Tool, PathBuf)>| found.iter().map(|(tool, _)| tool.name).collect::<Vec<_>>();
        assert_eq!(names(usable(|_| false, everything)), ["pbcopy", "clip.exe", "clip"]);
        assert_eq!(names(usable(|name| name == "DISPLAY", everything))[..2], ["xclip", "xsel"]);
        assert_eq!(names(usable(|_| true, |name| (name == "wl-copy").then(|| name.into()))), ["wl-copy"]);
    }
}
