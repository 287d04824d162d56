//! `MCPGW_*` variables that look like a setting's name and are none. Pure.

/// Variables that are no settings.
const OWN: [&str; 3] = ["MCPGW_HOME", "MCPGW_KEY", "MCPGW_SESSION"];

/// Is it one of mcpgw's own that could be compared with the settings' names?
pub fn may_be_a_setting(name: &str) -> bool {
    name.starts_with(PREFIX) && !OWN.contains(&name)
}

/// The first of these variables that is no setting, and the one that was meant. Programs of our own family may have
/// variables of their own: only what looks like a slip is told.
pub fn slip<'a>(names: impl IntoIterator<Item = &'a str>, known: &'a [String]) -> Option<(&'a str, &'a str)> {
    let is_known = |name: &str| known.iter().any(|known| known == name);
    let mut unknown = names.into_iter().filter(|name| may_be_a_setting(name) && !is_known(name));
    unknown.find_map(|name| Some((name, known.iter().find(|known| is_slip(name, known))?.as_str())))
}

const PREFIX: &str = "MCPGW_";

/// A letter or two of `meant` wrong, missing or swapped?
fn is_slip(name: &str, meant: &str) -> bool {
    let meant = meant.strip_prefix(PREFIX).unwrap_or(meant);
    strsim::normalized_damerau_levenshtein(&name[PREFIX.len()..], meant) >= 0.7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_told_and_a_variable_of_somebody_elses_is_not() {
        let known = ["MCPGW_PORT", "MCPGW_PROVIDER"].map(String::from);
        let slip = |name: &'static str| slip([name], &known).map(|(_, meant)| meant);
        assert_eq!(slip("MCPGW_PORTT"), Some("MCPGW_PORT"));
        assert_eq!(slip("MCPGW_PROVDER"), Some("MCPGW_PROVIDER"));
        for fine in ["MCPGW_PORT", "MCPGW_HOME", "MCPGW_TEST_TOOLS", "PORTT", "MCPGW_"] {
            assert_eq!(slip(fine), None, "{fine}");
        }
    }
}
