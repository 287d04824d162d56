//! Which of several sessions is meant. Pure: decides on values, looks at nothing.

use std::path::{Path, PathBuf};

use super::SessionRecord;
use crate::error::{Error, Result, nearest};

/// What the user said about it; nothing at all is fine while there is one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Its project folder's last name, or its id.
    pub session: Option<&'a str>,
    /// Its gateway's port.
    pub port: Option<u16>,
}

/// Where the question is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Here {
    /// In this project: unless one is named, its own session is meant and nobody else's.
    Project(PathBuf),
    /// In a folder that is none: the only session that runs is meant.
    Folder(PathBuf),
}

impl Here {
    /// The folder itself.
    pub fn folder(&self) -> &Path {
        match self {
            Self::Project(folder) | Self::Folder(folder) => folder,
        }
    }
}

/// The one that fits; where several do, the one of the folder `here`, if it is the only one there.
pub fn choose(sessions: &[SessionRecord], wanted: Wanted<'_>, here: &Here) -> Result<SessionRecord> {
    let mut fitting: Vec<_> = sessions.iter().filter(|session| wanted.fits(session)).collect();
    let at_home: Vec<_> = fitting.iter().copied().filter(|session| session.folder == here.folder()).collect();
    if let (Here::Project(folder), true) = (here, wanted == Wanted::default()) {
        if at_home.is_empty() && !fitting.is_empty() {
            return Err(none_here(folder, &fitting));
        }
        fitting.clone_from(&at_home);
    }
    match (&fitting[..], &at_home[..]) {
        ([one], _) | (_, [one]) => Ok((*one).clone()),
        ([], _) => Err(none(sessions, wanted)),
        _ => Err(several(&fitting)),
    }
}

impl SessionRecord {
    /// The last name of its project's folder; its id where there is no such name.
    pub fn name(&self) -> String {
        self.folder.file_name().map_or_else(|| self.id.clone(), |name| name.to_string_lossy().into_owned())
    }
}

impl Wanted<'_> {
    /// Is it meant?
    pub fn fits(self, session: &SessionRecord) -> bool {
        self.port.is_none_or(|port| session.gateway_port == port)
            && self.session.is_none_or(|name| session.id == name || session.name() == name)
    }
}

fn none(sessions: &[SessionRecord], wanted: Wanted<'_>) -> Error {
    let what = match wanted {
        Wanted { session: Some(name), port: None } => format!("find the running session `{name}`"),
        Wanted { session: None, port: Some(port) } => {
            format!("find a running session on gateway port {port}")
        }
        Wanted { session: Some(name), port: Some(port) } => {
            format!("find the running session `{name}` on gateway port {port}")
        }
        Wanted { session: None, port: None } => "find a running session".into(),
    };
    let error = Error::failed("session.none", format!("{what}: there is none"));
    let names: Vec<String> = sessions.iter().map(SessionRecord::name).collect();
    let meant = wanted.session.and_then(|name| nearest(name, names.iter().map(String::as_str)));
    match (meant, sessions) {
        (Some(name), _) => error.fix(format!("did you mean --session {name}?")),
        (None, []) => error.fix("start one with `mcpgw tunnel`"),
        (None, _) => {
            error.fix(format!("choose one that runs: {}", list(&sessions.iter().collect::<Vec<_>>())))
        }
    }
}

/// Others run: they are named, and never taken for this project's.
fn none_here(folder: &Path, others: &[&SessionRecord]) -> Error {
    let row = |session: &&SessionRecord| {
        format!("{} runs for {}", handle(session, others), session.folder.display())
    };
    let others_run = others.iter().map(row).collect::<Vec<_>>().join(", ");
    let message = format!("find a running session of {}: there is none; {others_run}", folder.display());
    Error::failed("session.none", message)
        .fix(format!("name the one you mean: --session {}", handle(others[0], others)))
}

fn several(fitting: &[&SessionRecord]) -> Error {
    let newest = fitting[0];
    Error::usage("session.several", format!("choose a session: {} fit: {}", fitting.len(), list(fitting)))
        .fix(format!("name one, for example --session {}", handle(newest, fitting)))
}

/// What tells it apart from the others: its name, its id where another has that name.
pub fn handle(session: &SessionRecord, among: &[&SessionRecord]) -> String {
    let name = session.name();
    match among.iter().filter(|other| other.name() == name).count() {
        1 => name,
        _ => session.id.clone(),
    }
}

fn list(sessions: &[&SessionRecord]) -> String {
    let row = |session: &&SessionRecord| {
        let name = session.name();
        let id = if handle(session, sessions) == name { String::new() } else { format!("{}, ", session.id) };
        format!("{name} ({id}port {})", session.gateway_port)
    };
    sessions.iter().map(row).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::record;

    fn session(id: &str, folder: &str, port: u16) -> SessionRecord {
        SessionRecord { folder: folder.into(), gateway_port: port, ..record(id) }
    }

    fn chosen(sessions: &[SessionRecord], wanted: Wanted<'_>, here: &str) -> Result<String> {
        choose(sessions, wanted, &Here::Folder(here.into())).map(|session| session.id)
    }

    fn named(name: &str) -> Wanted<'_> {
        Wanted { session: Some(name), port: None }
    }

    #[test]
    fn a_session_is_found_by_name_id_or_port_and_alone_by_nothing() {
        let all = [session("aa", "/p/shop", 3001), session("bb", "/p/blog", 3002)];
        let anywhere = Wanted::default();
        assert_eq!(chosen(&all, named("blog"), "/").unwrap(), "bb");
        assert_eq!(chosen(&all, named("aa"), "/").unwrap(), "aa");
        assert_eq!(chosen(&all, Wanted { session: None, port: Some(3002) }, "/").unwrap(), "bb");
        assert_eq!(chosen(&all[..1], anywhere, "/elsewhere").unwrap(), "aa");
        assert!(chosen(&all, Wanted { session: Some("shop"), port: Some(3002) }, "/").is_err());
    }

    #[test]
    fn the_current_projects_own_session_wins_when_it_is_the_only_one_there() {
        let all =
            [session("aa", "/p/shop", 3001), session("bb", "/p/blog", 3002), session("cc", "/q/shop", 3003)];
        assert_eq!(chosen(&all, Wanted::default(), "/p/blog").unwrap(), "bb");
        assert_eq!(chosen(&all, named("shop"), "/q/shop").unwrap(), "cc");
        let twice = [session("aa", "/p/shop", 3001), session("bb", "/p/shop", 3002)];
        assert!(chosen(&twice, Wanted::default(), "/p/shop").is_err());
    }

    #[test]
    fn a_project_means_its_own_session_and_another_only_by_name() {
        let all = [session("aa", "/p/shop", 3001), session("bb", "/p/blog", 3002)];
        let of = |here: &str, wanted| choose(&all, wanted, &Here::Project(here.into()));
        assert_eq!(of("/p/blog", Wanted::default()).unwrap().id, "bb");
        assert_eq!(of("/p/mine", named("shop")).unwrap().id, "aa");
        let error = choose(&all[..1], Wanted::default(), &Here::Project("/p/mine".into())).unwrap_err();
        insta::assert_snapshot!(error.message, @"find a running session of /p/mine: there is none; shop runs for /p/shop");
        assert_eq!(error.fix.as_deref(), Some("name the one you mean: --session shop"));
    }

    #[test]
    fn who_could_be_meant_is_listed_and_two_of_one_name_are_told_apart_by_id() {
        let all =
            [session("aa", "/p/shop", 3001), session("bb", "/p/blog", 3002), session("cc", "/q/shop", 3003)];
        let error = chosen(&all, Wanted::default(), "/").unwrap_err();
        insta::assert_snapshot!(error.message, @"choose a session: 3 fit: shop (aa, port 3001), blog (port 3002), shop (cc, port 3003)");
        assert_eq!(error.fix.as_deref(), Some("name one, for example --session aa"));
        let error = chosen(&all, named("blgo"), "/").unwrap_err();
        assert_eq!(error.fix.as_deref(), Some("did you mean --session blog?"));
        assert_eq!(chosen(&[], Wanted::default(), "/").unwrap_err().code, "session.none");
    }
}
