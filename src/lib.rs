//! mcpgw: one command puts a local MCP gateway behind HTTPS, proves that the address works, tells
//! everyone who must know, and keeps it true until you stop.
//!
//! The house is a strict stack: a room uses only rooms below it (`tests/layers.rs` checks).
//!
//! | room | what it is for |
//! |---|---|
//! | [`commands`] | one file a command, no mechanism |
//! | [`doctor`] | what is wrong, and how to put it right |
//! | [`session`] | the tunnel's heart: pure machines decide, the driver does |
//! | [`bridge`] | `mcpgw bridge`: stdio to the live gateway |
//! | [`client`] | MCP clients' configuration files: which, where, in what shape, and never spoilt |
//! | [`provider`] | tunnel programs, one file each |
//! | [`gateway`] | starting it, its health and manners, the demo gateway |
//! | [`edge`] | the reverse proxy in front of the gateway |
//! | [`process`] | children in sessions of their own, line streams, ending whole trees |
//! | [`project`] | what the user's project is and how its gateway wants to be run |
//! | [`cert`] | certificates for HTTPS on this machine, and who believes them |
//! | [`web`] | the HTTP questions mcpgw asks |
//! | [`cli`] | the command line's shape |
//! | [`config`] | settings and where they come from |
//! | [`state`] | what is kept between runs |
//! | [`report`] | the only mouth |
//! | [`file`] | replacing a file atomically |
//! | [`os`] | what differs between systems; all `unsafe` |
//! | [`loopback`] | what means this machine and no other |
//! | [`error`] | what happened, where, and the fix |

pub mod bridge;
pub mod cert;
pub mod cli;
pub mod client;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod edge;
pub mod error;
pub mod file;
pub mod gateway;
pub mod loopback;
pub mod os;
pub mod process;
pub mod project;
pub mod provider;
pub mod report;
pub mod session;
pub mod state;
pub mod web;
