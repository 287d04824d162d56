
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'mcpgw' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'mcpgw'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'mcpgw' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('cert', 'cert', [CompletionResultType]::ParameterValue, 'Make certificates for this machine, and let the system trust them')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('bridge', 'bridge', [CompletionResultType]::ParameterValue, 'Serve MCP on standard input and output, and forward to the live gateway: what clients start')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a command with APP_URL (and the rest) of the running session')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what a session''s gateway, provider, edge and hook said')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the sessions, and whether they live')
            [CompletionResult]::new('url', 'url', [CompletionResultType]::ParameterValue, 'Print the address of the running session, copy it, or show it as a QR code')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'End a running session, a hung one too, and clear away after a dead one')
            [CompletionResult]::new('key', 'key', [CompletionResultType]::ParameterValue, 'Show or change the key that visitors need')
            [CompletionResult]::new('tunnel', 'tunnel', [CompletionResultType]::ParameterValue, 'Start a tunnel and the gateway behind it, and keep both alive until Ctrl-C')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a commented mcpgw.toml by looking at the project')
            [CompletionResult]::new('configure', 'configure', [CompletionResultType]::ParameterValue, 'Put the gateway into MCP clients'' config files, take it out, or undo')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find out what is wrong, and say how to put it right')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page, of one command if it is named')
            [CompletionResult]::new('providers', 'providers', [CompletionResultType]::ParameterValue, 'Compare the tunnel providers, show which are ready, and set them up')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpgw;cert' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Make this system trust the local CA; every command is shown before it runs')
            [CompletionResult]::new('untrust', 'untrust', [CompletionResultType]::ParameterValue, 'Take that back')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the local CA, whether the system trusts it, and the certificates')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpgw;cert;create' {
            [CompletionResult]::new('--folder', '--folder', [CompletionResultType]::ParameterName, 'Put it there instead of mcpgw''s own folder')
            [CompletionResult]::new('--built-in', '--built-in', [CompletionResultType]::ParameterName, 'mcpgw''s own CA, also where mkcert is installed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;cert;trust' {
            [CompletionResult]::new('--built-in', '--built-in', [CompletionResultType]::ParameterName, 'mcpgw''s own CA, also where mkcert is installed')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Agree to every command')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Agree to every command')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;cert;untrust' {
            [CompletionResult]::new('--built-in', '--built-in', [CompletionResultType]::ParameterName, 'mcpgw''s own CA, also where mkcert is installed')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Agree to every command')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Agree to every command')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;cert;show' {
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document')
            [CompletionResult]::new('--built-in', '--built-in', [CompletionResultType]::ParameterName, 'mcpgw''s own CA, also where mkcert is installed')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;cert;help' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Make this system trust the local CA; every command is shown before it runs')
            [CompletionResult]::new('untrust', 'untrust', [CompletionResultType]::ParameterValue, 'Take that back')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the local CA, whether the system trusts it, and the certificates')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpgw;cert;help;create' {
            break
        }
        'mcpgw;cert;help;trust' {
            break
        }
        'mcpgw;cert;help;untrust' {
            break
        }
        'mcpgw;cert;help;show' {
            break
        }
        'mcpgw;cert;help;help' {
            break
        }
        'mcpgw;completions' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;bridge' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'The MCP address to connect to; without a path, the MCP path is appended')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The profile to use [default: the session''s]')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header for every request, `K=V` or `K: V`; ${NAME} is taken from the environment')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The session on this gateway port; without a session, the gateway on it')
            [CompletionResult]::new('--project', '--project', [CompletionResultType]::ParameterName, 'The project in this folder: its session and no other; without one, the gateway on the port of its mcpgw.toml')
            [CompletionResult]::new('--mcp-path', '--mcp-path', [CompletionResultType]::ParameterName, 'Where the gateway serves MCP [default: /api/mcp/{profile}]')
            [CompletionResult]::new('--patience', '--patience', [CompletionResultType]::ParameterName, 'How long a call waits for a gateway that is away [default: 50s]')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this id, or of the project folder of this name')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Fail when there is no gateway, instead of waiting for it')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;run' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]')
            [CompletionResult]::new('--restart', '--restart', [CompletionResultType]::ParameterName, 'Start the command anew whenever the address changes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;logs' {
            [CompletionResult]::new('-n', '-n', [CompletionResultType]::ParameterName, 'How many lines of the past: a number, or all')
            [CompletionResult]::new('--lines', '--lines', [CompletionResultType]::ParameterName, 'How many lines of the past: a number, or all')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Go on with what comes, until the session ends')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on with what comes, until the session ends')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show everything as it was said: also what lt says to those who work on it, and ngrok''s records')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show everything as it was said: also what lt says to those who work on it, and ngrok''s records')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpgw;status' {
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The same, as other commands have it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document')
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Go on, and show every change until Ctrl-C; with --json, one document a line')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Go on, and show every change until Ctrl-C; with --json, one document a line')
            [CompletionResult]::new('--requests', '--requests', [CompletionResultType]::ParameterName, 'Show the last requests of visitors, and totals; with --watch, each as it comes')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;url' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]')
            [CompletionResult]::new('--mcp', '--mcp', [CompletionResultType]::ParameterName, 'The URL for MCP clients')
            [CompletionResult]::new('--with-key', '--with-key', [CompletionResultType]::ParameterName, 'The URL for MCP clients that can send no header (claude.ai, ChatGPT): the key is in its path')
            [CompletionResult]::new('--callback', '--callback', [CompletionResultType]::ParameterName, 'The URL to register with OAuth providers')
            [CompletionResult]::new('--local', '--local', [CompletionResultType]::ParameterName, 'The address for programs on this machine, which goes round the tunnel')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'Put it into the clipboard too')
            [CompletionResult]::new('--copy', '--copy', [CompletionResultType]::ParameterName, 'Put it into the clipboard too')
            [CompletionResult]::new('--qr', '--qr', [CompletionResultType]::ParameterName, 'Show it as a QR code too')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;stop' {
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'How long it may take to end by itself before it is killed')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every session')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;key' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the key of this project, or of a session''s')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Make a new key, and put it into the clients'' files that hold the old one, which opens nothing any more')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpgw;key;show' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;key;rotate' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;key;help' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the key of this project, or of a session''s')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Make a new key, and put it into the clients'' files that hold the old one, which opens nothing any more')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpgw;key;help;show' {
            break
        }
        'mcpgw;key;help;rotate' {
            break
        }
        'mcpgw;key;help;help' {
            break
        }
        'mcpgw;tunnel' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'A tunnel that somebody else runs and that leads to --edge-port: it is proved and watched')
            [CompletionResult]::new('--edge-port', '--edge-port', [CompletionResultType]::ParameterName, 'The edge''s port, where a tunnel must know it beforehand [default: any free one]')
            [CompletionResult]::new('--server', '--server', [CompletionResultType]::ParameterName, 'Your own localtunnel server')
            [CompletionResult]::new('--subdomain', '--subdomain', [CompletionResultType]::ParameterName, 'Ask for this name below the provider''s domain')
            [CompletionResult]::new('--domain', '--domain', [CompletionResultType]::ParameterName, 'ngrok: the domain to use')
            [CompletionResult]::new('--tunnel-name', '--tunnel-name', [CompletionResultType]::ParameterName, 'cloudflared: the named tunnel to run; with TUNNEL_TOKEN set, the one of that token')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'The host name that leads to the named tunnel (cloudflared) or to this machine (local)')
            [CompletionResult]::new('--https-port', '--https-port', [CompletionResultType]::ParameterName, 'The port of `https://localhost:PORT` with the provider local [default: 3443]')
            [CompletionResult]::new('--tls-cert', '--tls-cert', [CompletionResultType]::ParameterName, 'local: your own certificate and its chain, PEM [default: SSL_CERT_PATH, else mkcert''s or a local CA''s]')
            [CompletionResult]::new('--tls-key', '--tls-key', [CompletionResultType]::ParameterName, 'local: its key, PEM [default: SSL_KEY_PATH]')
            [CompletionResult]::new('--probe-interval', '--probe-interval', [CompletionResultType]::ParameterName, 'How often to ask through the public URL whether the tunnel lives [default: 5s; 150s with ngrok]')
            [CompletionResult]::new('--start-timeout', '--start-timeout', [CompletionResultType]::ParameterName, 'How long a provider may take to state a URL [default: 20s]')
            [CompletionResult]::new('--lt', '--lt', [CompletionResultType]::ParameterName, 'The lt program, where it is not on PATH')
            [CompletionResult]::new('--ngrok', '--ngrok', [CompletionResultType]::ParameterName, 'The ngrok program, where it is not on PATH')
            [CompletionResult]::new('--cloudflared', '--cloudflared', [CompletionResultType]::ParameterName, 'The cloudflared program, where it is not on PATH')
            [CompletionResult]::new('--doh', '--doh', [CompletionResultType]::ParameterName, 'Where the names of new tunnels are looked up (DNS over HTTPS, JSON) [default: Cloudflare''s, then Google''s]')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The gateway''s port [default: 3001]')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The gateway''s port [default: 3001]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The profile MCP clients use [default: default]')
            [CompletionResult]::new('--mcp-path', '--mcp-path', [CompletionResultType]::ParameterName, 'Where the gateway serves MCP [default: /api/mcp/{profile}]')
            [CompletionResult]::new('--health', '--health', [CompletionResultType]::ParameterName, 'This path must answer 200; without it any HTTP answer means the gateway lives')
            [CompletionResult]::new('--host-header', '--host-header', [CompletionResultType]::ParameterName, 'The Host the gateway sees: the visitor''s, or localhost [default: auto]')
            [CompletionResult]::new('--env', '--env', [CompletionResultType]::ParameterName, 'Another variable for the gateway beside APP_URL; {url}, {host}, {port}, {profile} are filled in')
            [CompletionResult]::new('--auth', '--auth', [CompletionResultType]::ParameterName, 'Who gets in: those with the key, with auto unless the gateway itself asks for a login; none: everybody [default: auto]')
            [CompletionResult]::new('--expire', '--expire', [CompletionResultType]::ParameterName, 'End the session after this time, for example 2h [default: never]')
            [CompletionResult]::new('--max-body', '--max-body', [CompletionResultType]::ParameterName, 'The longest body of a request [default: 1GiB]')
            [CompletionResult]::new('--frontend', '--frontend', [CompletionResultType]::ParameterName, 'Let everybody reach the web frontend on this port too: all paths that are not the gateway''s')
            [CompletionResult]::new('--log-requests', '--log-requests', [CompletionResultType]::ParameterName, 'Write every request into this file too, one JSON object a line')
            [CompletionResult]::new('--allow', '--allow', [CompletionResultType]::ParameterName, 'Let visitors reach this path too, without a key, and all below it')
            [CompletionResult]::new('--allow-host', '--allow-host', [CompletionResultType]::ParameterName, 'Serve visitors who come under this host name too; without it, the public address''s and localhost')
            [CompletionResult]::new('--env-file', '--env-file', [CompletionResultType]::ParameterName, 'Keep the same variables in this file; its other lines stay')
            [CompletionResult]::new('--on-url', '--on-url', [CompletionResultType]::ParameterName, 'Run this in a shell whenever the URL is new, with the same variables')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'auto, localtunnel (lt), cloudflared, ngrok, local or url; auto takes the first that is ready, else local')
            [CompletionResult]::new('--configure', '--configure', [CompletionResultType]::ParameterName, 'Put the address into these MCP clients'' files, and what was there back at the end')
            [CompletionResult]::new('--fallback', '--fallback', [CompletionResultType]::ParameterName, 'Providers that take over when this one cannot go on; auto has the other ready ones for that')
            [CompletionResult]::new('--no-verify', '--no-verify', [CompletionResultType]::ParameterName, 'Take the provider''s word for the URL instead of proving it')
            [CompletionResult]::new('--demo', '--demo', [CompletionResultType]::ParameterName, 'Use the small MCP gateway inside mcpgw; takes provider local unless one is named')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Answer yes to every question')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Answer yes to every question')
            [CompletionResult]::new('--keep', '--keep', [CompletionResultType]::ParameterName, 'Leave the clients'' entries as they are at the end')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'One JSON object a line on standard output for every event')
            [CompletionResult]::new('--no-qr', '--no-qr', [CompletionResultType]::ParameterName, 'Show the address without its QR code')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print the MCP URL and trouble, nothing else')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print the MCP URL and trouble, nothing else')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpgw;init' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The gateway''s port')
            [CompletionResult]::new('--health', '--health', [CompletionResultType]::ParameterName, 'The path that must answer 200')
            [CompletionResult]::new('--mcp-path', '--mcp-path', [CompletionResultType]::ParameterName, 'Where the gateway serves MCP')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The profile MCP clients use')
            [CompletionResult]::new('--subdomain', '--subdomain', [CompletionResultType]::ParameterName, 'Ask for this name below the provider''s domain')
            [CompletionResult]::new('--preset', '--preset', [CompletionResultType]::ParameterName, 'What the gateway is: better-auth (2026), nest (since 0.2), express (2025), mcp (any other MCP server), or none')
            [CompletionResult]::new('--provider', '--provider', [CompletionResultType]::ParameterName, 'auto, localtunnel, cloudflared, ngrok or local')
            [CompletionResult]::new('--configure', '--configure', [CompletionResultType]::ParameterName, 'Clients whose files are to lead to the gateway: `mcpgw configure --list` names them')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Ask nothing')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Ask nothing')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print the file instead of writing it')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace a file that exists')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;configure' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Where the entry leads; the MCP path is appended where it has none [default: the running session''s address]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'The profile [default: the session''s, else default]')
            [CompletionResult]::new('--mcp-path', '--mcp-path', [CompletionResultType]::ParameterName, 'Where the gateway serves MCP [default: the session''s, else /api/mcp/{profile}]')
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The entry''s name [default: mcpgw; mcpgw-FOLDER where another project has that]')
            [CompletionResult]::new('--via', '--via', [CompletionResultType]::ParameterName, 'The way to the gateway [default: tunnel where the client speaks HTTP, else bridge]')
            [CompletionResult]::new('--header', '--header', [CompletionResultType]::ParameterName, 'A header that the client is to send, beside the key')
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The session on this gateway port')
            [CompletionResult]::new('--scope', '--scope', [CompletionResultType]::ParameterName, 'Whose file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The client''s file, where it is in an unusual place')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Every client that is installed here; with --undo every project''s entries')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Overwrite somebody else''s entry of that name')
            [CompletionResult]::new('--experimental', '--experimental', [CompletionResultType]::ParameterName, 'Clients too whose path and shape nobody has seen')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Show what would change, and write nothing')
            [CompletionResult]::new('--remove', '--remove', [CompletionResultType]::ParameterName, 'Take the entry out')
            [CompletionResult]::new('--undo', '--undo', [CompletionResultType]::ParameterName, 'Put the files back as they were before this project''s entries; those of all clients where none is named')
            [CompletionResult]::new('--list', '--list', [CompletionResultType]::ParameterName, 'List the clients')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'mcpgw;doctor' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The gateway''s port, or the session on it [default: the session''s, else 3001]')
            [CompletionResult]::new('--session', '--session', [CompletionResultType]::ParameterName, 'The session of this name or id [default: the one of this project]')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Only these checks, or groups of them (`gateway`); what they need runs, too')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Put right what is safe to: stale session files, what dead sessions left running, file modes')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;man' {
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;providers' {
            [CompletionResult]::new('--tunnel-name', '--tunnel-name', [CompletionResultType]::ParameterName, 'cloudflared: the named tunnel')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'cloudflared: the host name that leads to the named tunnel')
            [CompletionResult]::new('--lt', '--lt', [CompletionResultType]::ParameterName, 'The lt program, where it is not on PATH')
            [CompletionResult]::new('--ngrok', '--ngrok', [CompletionResultType]::ParameterName, 'The ngrok program, where it is not on PATH')
            [CompletionResult]::new('--cloudflared', '--cloudflared', [CompletionResultType]::ParameterName, 'The cloudflared program, where it is not on PATH')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON document')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('setup', 'setup', [CompletionResultType]::ParameterValue, 'Show the steps until a provider is ready, and run each that is agreed to')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpgw;providers;setup' {
            [CompletionResult]::new('--tunnel-name', '--tunnel-name', [CompletionResultType]::ParameterName, 'cloudflared: the named tunnel')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'cloudflared: the host name that leads to the named tunnel')
            [CompletionResult]::new('--lt', '--lt', [CompletionResultType]::ParameterName, 'The lt program, where it is not on PATH')
            [CompletionResult]::new('--ngrok', '--ngrok', [CompletionResultType]::ParameterName, 'The ngrok program, where it is not on PATH')
            [CompletionResult]::new('--cloudflared', '--cloudflared', [CompletionResultType]::ParameterName, 'The cloudflared program, where it is not on PATH')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Agree to every step; ngrok''s authtoken is read from standard input where that is no terminal')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Agree to every step; ngrok''s authtoken is read from standard input where that is no terminal')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'mcpgw;providers;help' {
            [CompletionResult]::new('setup', 'setup', [CompletionResultType]::ParameterValue, 'Show the steps until a provider is ready, and run each that is agreed to')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpgw;providers;help;setup' {
            break
        }
        'mcpgw;providers;help;help' {
            break
        }
        'mcpgw;help' {
            [CompletionResult]::new('cert', 'cert', [CompletionResultType]::ParameterValue, 'Make certificates for this machine, and let the system trust them')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a completion script for a shell')
            [CompletionResult]::new('bridge', 'bridge', [CompletionResultType]::ParameterValue, 'Serve MCP on standard input and output, and forward to the live gateway: what clients start')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run a command with APP_URL (and the rest) of the running session')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'Show what a session''s gateway, provider, edge and hook said')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the sessions, and whether they live')
            [CompletionResult]::new('url', 'url', [CompletionResultType]::ParameterValue, 'Print the address of the running session, copy it, or show it as a QR code')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'End a running session, a hung one too, and clear away after a dead one')
            [CompletionResult]::new('key', 'key', [CompletionResultType]::ParameterValue, 'Show or change the key that visitors need')
            [CompletionResult]::new('tunnel', 'tunnel', [CompletionResultType]::ParameterValue, 'Start a tunnel and the gateway behind it, and keep both alive until Ctrl-C')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a commented mcpgw.toml by looking at the project')
            [CompletionResult]::new('configure', 'configure', [CompletionResultType]::ParameterValue, 'Put the gateway into MCP clients'' config files, take it out, or undo')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find out what is wrong, and say how to put it right')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print the manual page, of one command if it is named')
            [CompletionResult]::new('providers', 'providers', [CompletionResultType]::ParameterValue, 'Compare the tunnel providers, show which are ready, and set them up')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'mcpgw;help;cert' {
            [CompletionResult]::new('create', 'create', [CompletionResultType]::ParameterValue, 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given')
            [CompletionResult]::new('trust', 'trust', [CompletionResultType]::ParameterValue, 'Make this system trust the local CA; every command is shown before it runs')
            [CompletionResult]::new('untrust', 'untrust', [CompletionResultType]::ParameterValue, 'Take that back')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the local CA, whether the system trusts it, and the certificates')
            break
        }
        'mcpgw;help;cert;create' {
            break
        }
        'mcpgw;help;cert;trust' {
            break
        }
        'mcpgw;help;cert;untrust' {
            break
        }
        'mcpgw;help;cert;show' {
            break
        }
        'mcpgw;help;completions' {
            break
        }
        'mcpgw;help;bridge' {
            break
        }
        'mcpgw;help;run' {
            break
        }
        'mcpgw;help;logs' {
            break
        }
        'mcpgw;help;status' {
            break
        }
        'mcpgw;help;url' {
            break
        }
        'mcpgw;help;stop' {
            break
        }
        'mcpgw;help;key' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the key of this project, or of a session''s')
            [CompletionResult]::new('rotate', 'rotate', [CompletionResultType]::ParameterValue, 'Make a new key, and put it into the clients'' files that hold the old one, which opens nothing any more')
            break
        }
        'mcpgw;help;key;show' {
            break
        }
        'mcpgw;help;key;rotate' {
            break
        }
        'mcpgw;help;tunnel' {
            break
        }
        'mcpgw;help;init' {
            break
        }
        'mcpgw;help;configure' {
            break
        }
        'mcpgw;help;doctor' {
            break
        }
        'mcpgw;help;man' {
            break
        }
        'mcpgw;help;providers' {
            [CompletionResult]::new('setup', 'setup', [CompletionResultType]::ParameterValue, 'Show the steps until a provider is ready, and run each that is agreed to')
            break
        }
        'mcpgw;help;providers;setup' {
            break
        }
        'mcpgw;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
