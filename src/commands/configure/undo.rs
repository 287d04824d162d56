//! `mcpgw configure --undo`: files given back, of this project's entries alone unless more is asked for.

use std::path::{Path, PathBuf};

use super::aim::project;
use super::{Told, pick};
use crate::cli::ConfigureArgs;
use crate::client::{self, Client, Ground, Which, Writer};
use crate::error::Result;
use crate::report::Event;
use crate::state::State;

/// Whose entry: a project's, or that of none.
type Owner = Option<PathBuf>;

pub(super) fn run(
    args: &ConfigureArgs,
    state: &State,
    chosen: &[&'static Client],
    ground: &Ground,
    notices: &mut Vec<Event>,
) -> Result<Vec<Told>> {
    let path = args.config.as_ref().map(|path| client::written(path, ground));
    let all = Which { clients: chosen, path: path.as_deref(), name: args.name.as_deref(), projects: None };
    let owners = client::owners(state, &all);
    let session = match pick::if_any(&args.which) {
        // Where nobody named one and several run, the folder alone says whose entries are meant.
        Err(_) if args.which.session.is_none() => None,
        found => found?,
    };
    let project = project(session.as_ref(), ground);
    // Whoever names an entry means that one.
    let (meant, others) = match args.all || args.name.is_some() {
        true => (owners, vec![]),
        false => meant(owners, project.as_deref(), &ground.project),
    };
    notices.extend(stay(&others));
    let undone = client::undo(state, &Writer::User, &Which { projects: Some(&meant), ..all });
    Ok(undone.into_iter().map(Told::undone).collect())
}

/// Those that are meant: this project's; outside of a project those that were written outside of one, and where there
/// are none, those of the only project that has any.
fn meant(owners: Vec<Owner>, project: Option<&Path>, here: &Path) -> (Vec<Owner>, Vec<Owner>) {
    if project.is_none() && owners.len() == 1 {
        return (owners, vec![]);
    }
    owners.into_iter().partition(|owner| match (owner, project) {
        (Some(owner), Some(project)) => owner == project,
        (Some(owner), None) => owner == here,
        (None, project) => project.is_none(),
    })
}

/// Whose entries are left alone is said.
fn stay(others: &[Owner]) -> Option<Event> {
    let word = |owner: &Owner| {
        owner.as_ref().map_or("no project in particular".into(), |owner| owner.display().to_string())
    };
    let names = others.iter().map(word).collect::<Vec<_>>().join(", ");
    let fix = "to give back those, too: mcpgw configure --undo --all";
    let message = format!("entries for {names} stay");
    (!others.is_empty()).then(|| Event::notice("client.others", message, Some(fix.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_projects_undo_means_its_own_entries_and_outside_of_one_the_only_owners() {
        let of = |names: &[&str]| -> Vec<Owner> {
            names.iter().map(|name| (!name.is_empty()).then(|| PathBuf::from(name))).collect()
        };
        let (shop, home) = (Path::new("/shop"), Path::new("/home"));
        let meant = |owners: &[&str], project| meant(of(owners), project, home);
        assert_eq!(meant(&["", "/blog", "/shop"], Some(shop)), (of(&["/shop"]), of(&["", "/blog"])));
        assert_eq!(meant(&["/blog"], Some(shop)), (vec![], of(&["/blog"])));
        assert_eq!(meant(&["/blog"], None), (of(&["/blog"]), vec![]));
        assert_eq!(meant(&["", "/home", "/blog"], None), (of(&["", "/home"]), of(&["/blog"])));
        assert_eq!(meant(&["/blog", "/shop"], None), (vec![], of(&["/blog", "/shop"])));
    }
}
