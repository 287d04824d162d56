//! What the user's project is: how its gateway starts, on which port, how it wants to be told its address. Reads
//! files, and asks a gateway that runs; runs nothing and writes nothing. Every answer says where it was found.

mod era;
mod node;
mod render;
mod sources;

use std::path::{Path, PathBuf};

pub use era::{Answer, ERAS, Era, ask};
pub use node::Start;
pub use render::{Wishes, render};

use sources::Sources;

/// Something found out, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What.
    pub value: T,
    /// `script dev of apps/backend/package.json`
    pub at: String,
}

/// What looking at a project told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// Ways to start the gateway, the best first.
    pub starts: Vec<Start>,
    /// The port it listens on.
    pub port: Option<Found<u16>>,
    /// A path that tells whether it lives.
    pub health: Option<Found<String>>,
    /// How it wants to be told its address.
    pub era: Option<Found<&'static Era>>,
    /// The path of its MCP endpoint, where the code of a plain server names it.
    pub mcp_path: Option<Found<String>>,
}

impl Project {
    /// Looks at the project in `root`.
    pub fn look(root: &Path) -> Self {
        let starts = node::starts(root);
        let gateway = starts.first().map_or_else(PathBuf::new, |start| start.folder.clone());
        let sources = Sources::read(root, &gateway);
        let script = starts.first().map(|start| (start.script.as_str(), start.at.as_str()));
        let port = sources.port(script);
        let era = era::by_code(&sources);
        let health = sources.health();
        let mcp_path = sources.mcp_path();
        Self { starts, port, health, era, mcp_path }
    }
}

/// A path below the project as its files have it: they are shared between systems, and each takes `/`.
fn written(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A project with these files.
    fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        home
    }

    fn look(files: &[(&str, &str)]) -> Project {
        Project::look(project(files).path())
    }

    fn command(project: &Project) -> String {
        project.starts.first().map_or_else(String::new, |start| start.command.join(" "))
    }

    #[test]
    fn in_a_workspace_the_backends_own_command_is_taken_and_not_turbos() {
        let found = look(&[
            ("package.json", r#"{"scripts":{"dev":"turbo run dev","start":"pnpm -r --parallel start"}}"#),
            ("pnpm-workspace.yaml", "packages:\n  - 'apps/*'\n  - packages/**\n"),
            ("pnpm-lock.yaml", ""),
            ("apps/frontend/package.json", r#"{"scripts":{"dev":"vite"},"dependencies":{"vite":"5"}}"#),
            (
                "apps/backend/package.json",
                r#"{"scripts":{"dev":"nest start --watch","start":"node dist/main.js"},
                    "dependencies":{"@nestjs/core":"10","better-auth":"1"}}"#,
            ),
            ("apps/backend/.env", "# x\nexport PORT=\"4000\"\nBETTER_AUTH_SECRET=mine\n"),
            ("apps/backend/src/health.controller.ts", "@Controller('health')\nexport class H {}\n// x"),
            ("apps/backend/src/main.ts", "app.setGlobalPrefix('api'); process.env.BETTER_AUTH_URL"),
        ]);
        assert_eq!(command(&found), "pnpm --dir apps/backend dev", "start needs a build that is not there");
        assert_eq!(found.starts[0].at, "script dev of apps/backend/package.json");
        let commands: Vec<_> = found.starts.iter().map(|start| start.command.join(" ")).collect();
        assert!(commands.contains(&"pnpm dev".into()), "turbo is offered, last: {commands:?}");
        assert_eq!(found.port, Some(Found { value: 4000, at: "PORT in apps/backend/.env".into() }));
        assert_eq!(found.era.unwrap().value.id, "better-auth");
        assert_eq!(found.health.unwrap().value, "/api/health");
    }

    #[test]
    fn each_package_manager_is_called_in_its_own_way() {
        let package = r#"{"scripts":{"start":"node server.js"},"dependencies":{"express":"4"}}"#;
        let root = r#"{"workspaces":["apps/*"],"scripts":{}}"#;
        for (lock, alone, inside) in [
            ("package-lock.json", "npm run start", "npm --prefix apps/api run start"),
            ("yarn.lock", "yarn start", "yarn --cwd apps/api start"),
            ("bun.lock", "bun run start", "bun run --cwd apps/api start"),
            ("pnpm-lock.yaml", "pnpm start", "pnpm --dir apps/api start"),
        ] {
            assert_eq!(command(&look(&[("package.json", package), (lock, "")])), alone);
            let files = [("package.json", root), (lock, ""), ("apps/api/package.json", package)];
            assert_eq!(command(&look(&files)), inside);
        }
        let named = r#"{"packageManager":"pnpm@9.1.0","scripts":{"start":"node x.js"}}"#;
        assert_eq!(command(&look(&[("package.json", named)])), "pnpm start");
    }

    #[test]
    fn the_eras_are_told_apart_by_their_code() {
        let era = |dependency: &str, code: &str| {
            let package =
                format!(r#"{{"scripts":{{"start":"node x.js"}},"dependencies":{{"{dependency}":"1"}}}}"#);
            look(&[("package.json", &package), ("src/main.ts", code)]).era.map(|era| era.value.id)
        };
        assert_eq!(era("express", "process.env.APP_URL; app.use('/api/mcp/:profile')"), Some("express"));
        assert_eq!(era("@nestjs/core", "process.env.APP_URL"), Some("nest"));
        assert_eq!(era("@nestjs/core", "process.env.BETTER_AUTH_URL"), Some("better-auth"));
        assert_eq!(era("@modelcontextprotocol/sdk", "app.post('/mcp', handle)"), Some("mcp"));
        assert_eq!(era("left-pad", "if (u === '/mcp') hello(process.env.APP_URL)"), Some("mcp"));
        assert_eq!(era("left-pad", "nothing"), None);
        let path = |code: &str| look(&[("server.js", code)]).mcp_path.map(|path| path.value);
        assert_eq!(path("app.post('/mcp', handle)").as_deref(), Some("/mcp"));
        assert_eq!(path("if (u === '/mcp') serve()").as_deref(), Some("/mcp"));
        assert_eq!(path("if (req.url == \"/v1/mcp/\")").as_deref(), Some("/v1/mcp"));
        assert_eq!(path("if (u === '/mcpx')"), None);
    }

    #[test]
    fn a_port_is_found_in_the_environment_the_script_or_the_code() {
        let port = |env: &str, script: &str, code: &str| {
            let package = format!(r#"{{"scripts":{{"start":"{script}"}}}}"#);
            let found = look(&[("package.json", &package), (".env", env), ("src/index.js", code)]).port;
            found.map(|found| (found.value, found.at))
        };
        assert_eq!(port("PORT=4001", "PORT=1 node x", ""), Some((4001, "PORT in .env".into())));
        assert_eq!(port("", "PORT=4002 node x", "").unwrap().0, 4002);
        assert_eq!(port("", "node x --port 4003", "").unwrap().0, 4003);
        assert_eq!(port("", "node x", "listen(process.env.PORT ?? 4004)").unwrap().0, 4004);
        assert_eq!(port("PORT=70000", "node x", ""), None, "no port");
    }

    #[test]
    fn what_cannot_be_read_is_passed_over() {
        let found = look(&[
            ("package.json", "{ not json"),
            ("pnpm-workspace.yaml", "packages: 7\n - ../../etc\n - '!x'\n"),
            ("src/binary.ts", "\u{0}\u{1}"),
        ]);
        assert_eq!(found, Project::default());
        assert_eq!(look(&[]), Project::default());
        let odd = r#"{"scripts":{"start":5},"workspaces":[{}, "/etc/*", "../*"],"packageManager":[]}"#;
        assert_eq!(look(&[("package.json", odd)]).starts, []);
    }
}
