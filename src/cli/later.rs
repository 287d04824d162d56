//! Flags whose words are put together only when their command is called (or all of them are asked for, see
//! [`super::whole`]): a call reads one command's flags, and all of the others' would be half of its start.

use std::cell::Cell;
use std::ops::Deref;

use clap::builder::Resettable;
use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches, Id};

/// A command's flags.
#[derive(Debug)]
pub struct Later<T>(Box<T>);

impl<T> Later<T> {
    /// The flags themselves.
    pub fn into_inner(self) -> T {
        *self.0
    }
}

impl<T> Deref for Later<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

thread_local! {
    /// clap asks for the flags without an argument that could say for whom.
    static AT_ONCE: Cell<bool> = const { Cell::new(false) };
}

/// What `make` makes, with nothing left for later. (clap's own `build` would do that, too, but whoever builds on what was
/// built, as its generators do, gets its `help` twice.)
pub(super) fn at_once(make: fn() -> Command) -> Command {
    AT_ONCE.set(true);
    let command = make();
    AT_ONCE.set(false);
    command
}

impl<T: Args> Args for Later<T> {
    fn augment_args(command: Command) -> Command {
        let augment = |command| under_its_own_name(command, T::augment_args);
        if AT_ONCE.get() { augment(command) } else { command.defer(augment) }
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }

    fn group_id() -> Option<Id> {
        T::group_id()
    }
}

/// The flags' type says what it is to whoever reads the code; the command has its line in the table of commands.
fn under_its_own_name(command: Command, augment: fn(Command) -> Command) -> Command {
    let (about, long_about) = (command.get_about().cloned(), command.get_long_about().cloned());
    augment(command).about(Resettable::from(about)).long_about(Resettable::from(long_about))
}

impl<T: FromArgMatches> FromArgMatches for Later<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(|flags| Self(Box::new(flags)))
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(|flags| Self(Box::new(flags)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
