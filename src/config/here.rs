//! Whether a command is called in a project that mcpgw knows: there it means that project's own session, and no
//! other's by accident.

use std::path::Path;

use super::{project_file, project_folder};
use crate::state::{Here, State};

/// The project that `called` is in, where settings describe one or sessions of it ran; else a folder like any other. What
/// was only tried in the home folder makes that no project.
pub fn here(called: &Path, state: &State) -> Here {
    let folder = project_folder(called);
    let is_home = || dirs::home_dir().is_some_and(|home| home == folder);
    match project_file(called).is_some() || (!is_home() && state.knows(&folder)) {
        true => Here::Project(folder),
        false => Here::Folder(folder),
    }
}
