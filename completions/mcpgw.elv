
use builtin;
use str;

set edit:completion:arg-completer[mcpgw] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'mcpgw'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'mcpgw'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand -V 'Print version'
            cand --version 'Print version'
            cand cert 'Make certificates for this machine, and let the system trust them'
            cand completions 'Print a completion script for a shell'
            cand bridge 'Serve MCP on standard input and output, and forward to the live gateway: what clients start'
            cand run 'Run a command with APP_URL (and the rest) of the running session'
            cand logs 'Show what a session''s gateway, provider, edge and hook said'
            cand status 'Show the sessions, and whether they live'
            cand url 'Print the address of the running session, copy it, or show it as a QR code'
            cand stop 'End a running session, a hung one too, and clear away after a dead one'
            cand key 'Show or change the key that visitors need'
            cand tunnel 'Start a tunnel and the gateway behind it, and keep both alive until Ctrl-C'
            cand init 'Write a commented mcpgw.toml by looking at the project'
            cand configure 'Put the gateway into MCP clients'' config files, take it out, or undo'
            cand doctor 'Find out what is wrong, and say how to put it right'
            cand man 'Print the manual page, of one command if it is named'
            cand providers 'Compare the tunnel providers, show which are ready, and set them up'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpgw;cert'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand create 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given'
            cand trust 'Make this system trust the local CA; every command is shown before it runs'
            cand untrust 'Take that back'
            cand show 'Show the local CA, whether the system trusts it, and the certificates'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpgw;cert;create'= {
            cand --folder 'Put it there instead of mcpgw''s own folder'
            cand --built-in 'mcpgw''s own CA, also where mkcert is installed'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;cert;trust'= {
            cand --built-in 'mcpgw''s own CA, also where mkcert is installed'
            cand -y 'Agree to every command'
            cand --yes 'Agree to every command'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;cert;untrust'= {
            cand --built-in 'mcpgw''s own CA, also where mkcert is installed'
            cand -y 'Agree to every command'
            cand --yes 'Agree to every command'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;cert;show'= {
            cand --json 'Print one JSON document'
            cand --built-in 'mcpgw''s own CA, also where mkcert is installed'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;cert;help'= {
            cand create 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given'
            cand trust 'Make this system trust the local CA; every command is shown before it runs'
            cand untrust 'Take that back'
            cand show 'Show the local CA, whether the system trusts it, and the certificates'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpgw;cert;help;create'= {
        }
        &'mcpgw;cert;help;trust'= {
        }
        &'mcpgw;cert;help;untrust'= {
        }
        &'mcpgw;cert;help;show'= {
        }
        &'mcpgw;cert;help;help'= {
        }
        &'mcpgw;completions'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;bridge'= {
            cand --url 'The MCP address to connect to; without a path, the MCP path is appended'
            cand --profile 'The profile to use [default: the session''s]'
            cand --header 'A header for every request, `K=V` or `K: V`; ${NAME} is taken from the environment'
            cand --port 'The session on this gateway port; without a session, the gateway on it'
            cand --project 'The project in this folder: its session and no other; without one, the gateway on the port of its mcpgw.toml'
            cand --mcp-path 'Where the gateway serves MCP [default: /api/mcp/{profile}]'
            cand --patience 'How long a call waits for a gateway that is away [default: 50s]'
            cand --session 'The session of this id, or of the project folder of this name'
            cand --strict 'Fail when there is no gateway, instead of waiting for it'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;run'= {
            cand -p 'The session on this gateway port'
            cand --port 'The session on this gateway port'
            cand --session 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]'
            cand --restart 'Start the command anew whenever the address changes'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;logs'= {
            cand -n 'How many lines of the past: a number, or all'
            cand --lines 'How many lines of the past: a number, or all'
            cand -p 'The session on this gateway port'
            cand --port 'The session on this gateway port'
            cand --session 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]'
            cand -f 'Go on with what comes, until the session ends'
            cand --follow 'Go on with what comes, until the session ends'
            cand -v 'Show everything as it was said: also what lt says to those who work on it, and ngrok''s records'
            cand --verbose 'Show everything as it was said: also what lt says to those who work on it, and ngrok''s records'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpgw;status'= {
            cand --session 'The same, as other commands have it'
            cand --json 'Print one JSON document'
            cand -w 'Go on, and show every change until Ctrl-C; with --json, one document a line'
            cand --watch 'Go on, and show every change until Ctrl-C; with --json, one document a line'
            cand --requests 'Show the last requests of visitors, and totals; with --watch, each as it comes'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;url'= {
            cand -p 'The session on this gateway port'
            cand --port 'The session on this gateway port'
            cand --session 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]'
            cand --mcp 'The URL for MCP clients'
            cand --with-key 'The URL for MCP clients that can send no header (claude.ai, ChatGPT): the key is in its path'
            cand --callback 'The URL to register with OAuth providers'
            cand --local 'The address for programs on this machine, which goes round the tunnel'
            cand -c 'Put it into the clipboard too'
            cand --copy 'Put it into the clipboard too'
            cand --qr 'Show it as a QR code too'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;stop'= {
            cand --timeout 'How long it may take to end by itself before it is killed'
            cand -p 'The session on this gateway port'
            cand --port 'The session on this gateway port'
            cand --session 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]'
            cand --all 'Every session'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;key'= {
            cand -h 'Print help'
            cand --help 'Print help'
            cand show 'Print the key of this project, or of a session''s'
            cand rotate 'Make a new key, and put it into the clients'' files that hold the old one, which opens nothing any more'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpgw;key;show'= {
            cand -p 'The session on this gateway port'
            cand --port 'The session on this gateway port'
            cand --session 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;key;rotate'= {
            cand -p 'The session on this gateway port'
            cand --port 'The session on this gateway port'
            cand --session 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]'
            cand --json 'Print one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;key;help'= {
            cand show 'Print the key of this project, or of a session''s'
            cand rotate 'Make a new key, and put it into the clients'' files that hold the old one, which opens nothing any more'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpgw;key;help;show'= {
        }
        &'mcpgw;key;help;rotate'= {
        }
        &'mcpgw;key;help;help'= {
        }
        &'mcpgw;tunnel'= {
            cand --url 'A tunnel that somebody else runs and that leads to --edge-port: it is proved and watched'
            cand --edge-port 'The edge''s port, where a tunnel must know it beforehand [default: any free one]'
            cand --server 'Your own localtunnel server'
            cand --subdomain 'Ask for this name below the provider''s domain'
            cand --domain 'ngrok: the domain to use'
            cand --tunnel-name 'cloudflared: the named tunnel to run; with TUNNEL_TOKEN set, the one of that token'
            cand --hostname 'The host name that leads to the named tunnel (cloudflared) or to this machine (local)'
            cand --https-port 'The port of `https://localhost:PORT` with the provider local [default: 3443]'
            cand --tls-cert 'local: your own certificate and its chain, PEM [default: SSL_CERT_PATH, else mkcert''s or a local CA''s]'
            cand --tls-key 'local: its key, PEM [default: SSL_KEY_PATH]'
            cand --probe-interval 'How often to ask through the public URL whether the tunnel lives [default: 5s; 150s with ngrok]'
            cand --start-timeout 'How long a provider may take to state a URL [default: 20s]'
            cand --lt 'The lt program, where it is not on PATH'
            cand --ngrok 'The ngrok program, where it is not on PATH'
            cand --cloudflared 'The cloudflared program, where it is not on PATH'
            cand --doh 'Where the names of new tunnels are looked up (DNS over HTTPS, JSON) [default: Cloudflare''s, then Google''s]'
            cand -p 'The gateway''s port [default: 3001]'
            cand --port 'The gateway''s port [default: 3001]'
            cand --profile 'The profile MCP clients use [default: default]'
            cand --mcp-path 'Where the gateway serves MCP [default: /api/mcp/{profile}]'
            cand --health 'This path must answer 200; without it any HTTP answer means the gateway lives'
            cand --host-header 'The Host the gateway sees: the visitor''s, or localhost [default: auto]'
            cand --env 'Another variable for the gateway beside APP_URL; {url}, {host}, {port}, {profile} are filled in'
            cand --auth 'Who gets in: those with the key, with auto unless the gateway itself asks for a login; none: everybody [default: auto]'
            cand --expire 'End the session after this time, for example 2h [default: never]'
            cand --max-body 'The longest body of a request [default: 1GiB]'
            cand --frontend 'Let everybody reach the web frontend on this port too: all paths that are not the gateway''s'
            cand --log-requests 'Write every request into this file too, one JSON object a line'
            cand --allow 'Let visitors reach this path too, without a key, and all below it'
            cand --allow-host 'Serve visitors who come under this host name too; without it, the public address''s and localhost'
            cand --env-file 'Keep the same variables in this file; its other lines stay'
            cand --on-url 'Run this in a shell whenever the URL is new, with the same variables'
            cand --provider 'auto, localtunnel (lt), cloudflared, ngrok, local or url; auto takes the first that is ready, else local'
            cand --configure 'Put the address into these MCP clients'' files, and what was there back at the end'
            cand --fallback 'Providers that take over when this one cannot go on; auto has the other ready ones for that'
            cand --no-verify 'Take the provider''s word for the URL instead of proving it'
            cand --demo 'Use the small MCP gateway inside mcpgw; takes provider local unless one is named'
            cand -y 'Answer yes to every question'
            cand --yes 'Answer yes to every question'
            cand --keep 'Leave the clients'' entries as they are at the end'
            cand --json 'One JSON object a line on standard output for every event'
            cand --no-qr 'Show the address without its QR code'
            cand -q 'Print the MCP URL and trouble, nothing else'
            cand --quiet 'Print the MCP URL and trouble, nothing else'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpgw;init'= {
            cand --port 'The gateway''s port'
            cand --health 'The path that must answer 200'
            cand --mcp-path 'Where the gateway serves MCP'
            cand --profile 'The profile MCP clients use'
            cand --subdomain 'Ask for this name below the provider''s domain'
            cand --preset 'What the gateway is: better-auth (2026), nest (since 0.2), express (2025), mcp (any other MCP server), or none'
            cand --provider 'auto, localtunnel, cloudflared, ngrok or local'
            cand --configure 'Clients whose files are to lead to the gateway: `mcpgw configure --list` names them'
            cand -y 'Ask nothing'
            cand --yes 'Ask nothing'
            cand --dry-run 'Print the file instead of writing it'
            cand --force 'Replace a file that exists'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;configure'= {
            cand --url 'Where the entry leads; the MCP path is appended where it has none [default: the running session''s address]'
            cand --profile 'The profile [default: the session''s, else default]'
            cand --mcp-path 'Where the gateway serves MCP [default: the session''s, else /api/mcp/{profile}]'
            cand --name 'The entry''s name [default: mcpgw; mcpgw-FOLDER where another project has that]'
            cand --via 'The way to the gateway [default: tunnel where the client speaks HTTP, else bridge]'
            cand --header 'A header that the client is to send, beside the key'
            cand -p 'The session on this gateway port'
            cand --port 'The session on this gateway port'
            cand --scope 'Whose file'
            cand --config 'The client''s file, where it is in an unusual place'
            cand --session 'The session of this name (its project folder''s last name) or id [default: this project''s; outside of one, the only one]'
            cand --all 'Every client that is installed here; with --undo every project''s entries'
            cand --force 'Overwrite somebody else''s entry of that name'
            cand --experimental 'Clients too whose path and shape nobody has seen'
            cand --dry-run 'Show what would change, and write nothing'
            cand --remove 'Take the entry out'
            cand --undo 'Put the files back as they were before this project''s entries; those of all clients where none is named'
            cand --list 'List the clients'
            cand --json 'Print one JSON document'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'mcpgw;doctor'= {
            cand --port 'The gateway''s port, or the session on it [default: the session''s, else 3001]'
            cand --session 'The session of this name or id [default: the one of this project]'
            cand --only 'Only these checks, or groups of them (`gateway`); what they need runs, too'
            cand --fix 'Put right what is safe to: stale session files, what dead sessions left running, file modes'
            cand --json 'Print one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;man'= {
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;providers'= {
            cand --tunnel-name 'cloudflared: the named tunnel'
            cand --hostname 'cloudflared: the host name that leads to the named tunnel'
            cand --lt 'The lt program, where it is not on PATH'
            cand --ngrok 'The ngrok program, where it is not on PATH'
            cand --cloudflared 'The cloudflared program, where it is not on PATH'
            cand --json 'Print one JSON document'
            cand -h 'Print help'
            cand --help 'Print help'
            cand setup 'Show the steps until a provider is ready, and run each that is agreed to'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpgw;providers;setup'= {
            cand --tunnel-name 'cloudflared: the named tunnel'
            cand --hostname 'cloudflared: the host name that leads to the named tunnel'
            cand --lt 'The lt program, where it is not on PATH'
            cand --ngrok 'The ngrok program, where it is not on PATH'
            cand --cloudflared 'The cloudflared program, where it is not on PATH'
            cand -y 'Agree to every step; ngrok''s authtoken is read from standard input where that is no terminal'
            cand --yes 'Agree to every step; ngrok''s authtoken is read from standard input where that is no terminal'
            cand -h 'Print help'
            cand --help 'Print help'
        }
        &'mcpgw;providers;help'= {
            cand setup 'Show the steps until a provider is ready, and run each that is agreed to'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpgw;providers;help;setup'= {
        }
        &'mcpgw;providers;help;help'= {
        }
        &'mcpgw;help'= {
            cand cert 'Make certificates for this machine, and let the system trust them'
            cand completions 'Print a completion script for a shell'
            cand bridge 'Serve MCP on standard input and output, and forward to the live gateway: what clients start'
            cand run 'Run a command with APP_URL (and the rest) of the running session'
            cand logs 'Show what a session''s gateway, provider, edge and hook said'
            cand status 'Show the sessions, and whether they live'
            cand url 'Print the address of the running session, copy it, or show it as a QR code'
            cand stop 'End a running session, a hung one too, and clear away after a dead one'
            cand key 'Show or change the key that visitors need'
            cand tunnel 'Start a tunnel and the gateway behind it, and keep both alive until Ctrl-C'
            cand init 'Write a commented mcpgw.toml by looking at the project'
            cand configure 'Put the gateway into MCP clients'' config files, take it out, or undo'
            cand doctor 'Find out what is wrong, and say how to put it right'
            cand man 'Print the manual page, of one command if it is named'
            cand providers 'Compare the tunnel providers, show which are ready, and set them up'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'mcpgw;help;cert'= {
            cand create 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given'
            cand trust 'Make this system trust the local CA; every command is shown before it runs'
            cand untrust 'Take that back'
            cand show 'Show the local CA, whether the system trusts it, and the certificates'
        }
        &'mcpgw;help;cert;create'= {
        }
        &'mcpgw;help;cert;trust'= {
        }
        &'mcpgw;help;cert;untrust'= {
        }
        &'mcpgw;help;cert;show'= {
        }
        &'mcpgw;help;completions'= {
        }
        &'mcpgw;help;bridge'= {
        }
        &'mcpgw;help;run'= {
        }
        &'mcpgw;help;logs'= {
        }
        &'mcpgw;help;status'= {
        }
        &'mcpgw;help;url'= {
        }
        &'mcpgw;help;stop'= {
        }
        &'mcpgw;help;key'= {
            cand show 'Print the key of this project, or of a session''s'
            cand rotate 'Make a new key, and put it into the clients'' files that hold the old one, which opens nothing any more'
        }
        &'mcpgw;help;key;show'= {
        }
        &'mcpgw;help;key;rotate'= {
        }
        &'mcpgw;help;tunnel'= {
        }
        &'mcpgw;help;init'= {
        }
        &'mcpgw;help;configure'= {
        }
        &'mcpgw;help;doctor'= {
        }
        &'mcpgw;help;man'= {
        }
        &'mcpgw;help;providers'= {
            cand setup 'Show the steps until a provider is ready, and run each that is agreed to'
        }
        &'mcpgw;help;providers;setup'= {
        }
        &'mcpgw;help;help'= {
        }
    ]
    $completions[$command]
}
