//! The tool that is played, from its start to its end.

mod cloud;
mod player;
mod recording;
mod serve;
mod signals;
mod start;
mod world;

use std::{process::ExitCode, rc::Rc};

use self::{player::Player, recording::Recording, start::Start, world::World};

pub(crate) fn main() -> ExitCode {
    signals::die_if_asked();
    let start = Rc::new(Start::from_process());
    if let Some(version) = start.version() {
        return player::say(&version);
    }
    let (runtime, signals) = signals::watch();
    let mut recording = Recording::open(&start.recording());
    recording.replace_all(&start.replacements());
    start.log();
    let world = World::new(&start, &mut recording, runtime);
    Player::new(start.speed(), start.flood(), signals, world).play(&recording)
}
