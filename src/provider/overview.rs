//! How the providers stand on this machine, and how they compare.

use std::path::PathBuf;

use serde::Serialize;

use super::{ALL, Facts, Provider, Readiness, Version};
use crate::config::Settings;

/// How one provider stands. In JSON its facts stand beside the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Its name in flags.
    pub id: &'static str,
    /// Is there all that can be installed?
    pub installed: bool,
    /// Its program, where it is one.
    pub program: Option<PathBuf>,
    /// The program's version, where it told one.
    pub version: Option<String>,
    /// Has the user logged in? `None` where no login is needed.
    pub logged_in: Option<bool>,
    /// Can it be used as it is?
    pub ready: bool,
    /// Why not.
    pub why: Option<String>,
    /// The next command to run.
    pub next: String,
    /// How it compares.
    #[serde(flatten)]
    pub facts: Facts,
}

/// All of them in the order of the registry, but for `url`: what somebody else runs cannot be compared.
/// Programs are asked for their versions side by side.
pub fn overview(settings: &Settings) -> Vec<Standing> {
    std::thread::scope(|scope| {
        let listed = ALL.iter().copied().filter(|one| one.id() != "url");
        let asked: Vec<_> = listed
            .map(|provider| {
                let readiness = provider.readiness(settings);
                let program = readiness.program().cloned();
                let version =
                    scope.spawn(move || program.and_then(|it| Version::of(&it, provider.version_args())));
                (provider, readiness, version)
            })
            .collect();
        asked
            .into_iter()
            .map(|(provider, readiness, version)| {
                standing(provider, settings, readiness, version.join().ok().flatten())
            })
            .collect()
    })
}

fn standing(
    provider: &dyn Provider,
    settings: &Settings,
    readiness: Readiness,
    version: Option<Version>,
) -> Standing {
    // A version that nobody knows is not known to be wrong.
    let old = version.is_some() && !provider.suits(version);
    let why = match readiness.trouble() {
        Some((why, _)) => Some(why.to_string()),
        None if old => provider.remarks(settings, version).into_iter().next().map(|remark| remark.message),
        None => None,
    };
    let ready = readiness.is_ready() && !old;
    let (id, flags) = (provider.id(), provider.flags(settings));
    Standing {
        id,
        installed: !matches!(readiness, Readiness::Missing { .. }),
        program: readiness.program().cloned(),
        version: version.map(|version| version.to_string()),
        logged_in: provider.logged_in(settings),
        ready,
        why,
        next: match ready {
            true => format!("mcpgw tunnel --provider {id}{flags}"),
            false => format!("mcpgw providers setup {id}{flags}"),
        },
        facts: provider.facts(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Layer;
    use crate::provider::find;

    fn settings() -> Settings {
        Settings::from_layer(Layer::default()).unwrap()
    }

    fn of(name: &str, readiness: Readiness, version: Option<Version>) -> Standing {
        standing(find(name).unwrap(), &settings(), readiness, version)
    }

    #[test]
    fn what_is_missing_names_the_way_to_get_it() {
        let missing = Readiness::Missing { why: "`lt` is not installed".into(), fix: "x".into() };
        let lt = of("lt", missing, None);
        assert!(!lt.installed && !lt.ready && lt.program.is_none());
        assert_eq!(lt.why.as_deref(), Some("`lt` is not installed"));
        assert_eq!(lt.next, "mcpgw providers setup localtunnel");
    }

    #[test]
    fn a_version_that_is_too_old_is_not_ready_and_one_that_nobody_knows_is() {
        let ready = || Readiness::Ready(Some("/x/ngrok".into()));
        let old = of("ngrok", ready(), Some(Version(2, 3, 41)));
        assert!(old.installed && !old.ready && old.why.unwrap().contains("ngrok 2"));
        assert_eq!(old.next, "mcpgw providers setup ngrok");
        let new = of("ngrok", ready(), Some(Version(3, 20, 0)));
        assert_eq!((new.ready, new.version.as_deref(), new.why), (true, Some("3.20.0"), None));
        assert!(of("ngrok", ready(), None).ready);
    }

    #[test]
    fn json_has_the_facts_beside_the_rest_and_null_for_what_is_not_there() {
        let json = serde_json::to_value(of("local", Readiness::Ready(None), None)).unwrap();
        let names: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        let expected = [
            "custom_subdomain",
            "id",
            "installed",
            "logged_in",
            "next",
            "persistence",
            "price",
            "program",
            "ready",
            "setup_effort",
            "stable_url",
            "version",
            "why",
        ];
        assert_eq!(names, expected);
        assert!(json["program"].is_null() && json["logged_in"].is_null() && json["why"].is_null());
        assert_eq!(json["next"], "mcpgw tunnel --provider local");
    }
}
