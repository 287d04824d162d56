# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_mcpgw_global_optspecs
    string join \n h/help V/version
end

function __fish_mcpgw_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_mcpgw_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_mcpgw_using_subcommand
    set -l cmd (__fish_mcpgw_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c mcpgw -n "__fish_mcpgw_needs_command" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -s V -l version -d 'Print version'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "cert" -d 'Make certificates for this machine, and let the system trust them'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "bridge" -d 'Serve MCP on standard input and output, and forward to the live gateway: what clients start'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "run" -d 'Run a command with APP_URL (and the rest) of the running session'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "logs" -d 'Show what a session\'s gateway, provider, edge and hook said'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "status" -d 'Show the sessions, and whether they live'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "url" -d 'Print the address of the running session, copy it, or show it as a QR code'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "stop" -d 'End a running session, a hung one too, and clear away after a dead one'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "key" -d 'Show or change the key that visitors need'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "tunnel" -d 'Start a tunnel and the gateway behind it, and keep both alive until Ctrl-C'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "init" -d 'Write a commented mcpgw.toml by looking at the project'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "configure" -d 'Put the gateway into MCP clients\' config files, take it out, or undo'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "doctor" -d 'Find out what is wrong, and say how to put it right'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "man" -d 'Print the manual page, of one command if it is named'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "providers" -d 'Compare the tunnel providers, show which are ready, and set them up'
complete -c mcpgw -n "__fish_mcpgw_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and not __fish_seen_subcommand_from create trust untrust show help" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and not __fish_seen_subcommand_from create trust untrust show help" -f -a "create" -d 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and not __fish_seen_subcommand_from create trust untrust show help" -f -a "trust" -d 'Make this system trust the local CA; every command is shown before it runs'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and not __fish_seen_subcommand_from create trust untrust show help" -f -a "untrust" -d 'Take that back'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and not __fish_seen_subcommand_from create trust untrust show help" -f -a "show" -d 'Show the local CA, whether the system trusts it, and the certificates'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and not __fish_seen_subcommand_from create trust untrust show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from create" -l folder -d 'Put it there instead of mcpgw\'s own folder' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from create" -l built-in -d 'mcpgw\'s own CA, also where mkcert is installed'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from trust" -l built-in -d 'mcpgw\'s own CA, also where mkcert is installed'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from trust" -s y -l yes -d 'Agree to every command'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from trust" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from untrust" -l built-in -d 'mcpgw\'s own CA, also where mkcert is installed'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from untrust" -s y -l yes -d 'Agree to every command'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from untrust" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from show" -l json -d 'Print one JSON document'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from show" -l built-in -d 'mcpgw\'s own CA, also where mkcert is installed'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from help" -f -a "trust" -d 'Make this system trust the local CA; every command is shown before it runs'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from help" -f -a "untrust" -d 'Take that back'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show the local CA, whether the system trusts it, and the certificates'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand cert; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand completions" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l url -d 'The MCP address to connect to; without a path, the MCP path is appended' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l profile -d 'The profile to use [default: the session\'s]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l header -d 'A header for every request, `K=V` or `K: V`; ${NAME} is taken from the environment' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l port -d 'The session on this gateway port; without a session, the gateway on it' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l project -d 'The project in this folder: its session and no other; without one, the gateway on the port of its mcpgw.toml' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l mcp-path -d 'Where the gateway serves MCP [default: /api/mcp/{profile}]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l patience -d 'How long a call waits for a gateway that is away [default: 50s]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l session -d 'The session of this id, or of the project folder of this name' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -l strict -d 'Fail when there is no gateway, instead of waiting for it'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand bridge" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand run" -s p -l port -d 'The session on this gateway port' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand run" -l session -d 'The session of this name (its project folder\'s last name) or id [default: this project\'s; outside of one, the only one]' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand run" -l restart -d 'Start the command anew whenever the address changes'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand run" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand logs" -s n -l lines -d 'How many lines of the past: a number, or all' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand logs" -s p -l port -d 'The session on this gateway port' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand logs" -l session -d 'The session of this name (its project folder\'s last name) or id [default: this project\'s; outside of one, the only one]' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand logs" -s f -l follow -d 'Go on with what comes, until the session ends'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand logs" -s v -l verbose -d 'Show everything as it was said: also what lt says to those who work on it, and ngrok\'s records'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand status" -l session -d 'The same, as other commands have it' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand status" -l json -d 'Print one JSON document'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand status" -s w -l watch -d 'Go on, and show every change until Ctrl-C; with --json, one document a line'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand status" -l requests -d 'Show the last requests of visitors, and totals; with --watch, each as it comes'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand status" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -s p -l port -d 'The session on this gateway port' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -l session -d 'The session of this name (its project folder\'s last name) or id [default: this project\'s; outside of one, the only one]' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -l mcp -d 'The URL for MCP clients'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -l with-key -d 'The URL for MCP clients that can send no header (claude.ai, ChatGPT): the key is in its path'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -l callback -d 'The URL to register with OAuth providers'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -l local -d 'The address for programs on this machine, which goes round the tunnel'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -s c -l copy -d 'Put it into the clipboard too'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -l qr -d 'Show it as a QR code too'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand stop" -l timeout -d 'How long it may take to end by itself before it is killed' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand stop" -s p -l port -d 'The session on this gateway port' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand stop" -l session -d 'The session of this name (its project folder\'s last name) or id [default: this project\'s; outside of one, the only one]' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand stop" -l all -d 'Every session'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand stop" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and not __fish_seen_subcommand_from show rotate help" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and not __fish_seen_subcommand_from show rotate help" -f -a "show" -d 'Print the key of this project, or of a session\'s'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and not __fish_seen_subcommand_from show rotate help" -f -a "rotate" -d 'Make a new key, and put it into the clients\' files that hold the old one, which opens nothing any more'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and not __fish_seen_subcommand_from show rotate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from show" -s p -l port -d 'The session on this gateway port' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from show" -l session -d 'The session of this name (its project folder\'s last name) or id [default: this project\'s; outside of one, the only one]' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from rotate" -s p -l port -d 'The session on this gateway port' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from rotate" -l session -d 'The session of this name (its project folder\'s last name) or id [default: this project\'s; outside of one, the only one]' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from rotate" -l json -d 'Print one JSON document'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print the key of this project, or of a session\'s'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Make a new key, and put it into the clients\' files that hold the old one, which opens nothing any more'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l url -d 'A tunnel that somebody else runs and that leads to --edge-port: it is proved and watched' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l edge-port -d 'The edge\'s port, where a tunnel must know it beforehand [default: any free one]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l server -d 'Your own localtunnel server' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l subdomain -d 'Ask for this name below the provider\'s domain' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l domain -d 'ngrok: the domain to use' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l tunnel-name -d 'cloudflared: the named tunnel to run; with TUNNEL_TOKEN set, the one of that token' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l hostname -d 'The host name that leads to the named tunnel (cloudflared) or to this machine (local)' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l https-port -d 'The port of `https://localhost:PORT` with the provider local [default: 3443]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l tls-cert -d 'local: your own certificate and its chain, PEM [default: SSL_CERT_PATH, else mkcert\'s or a local CA\'s]' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l tls-key -d 'local: its key, PEM [default: SSL_KEY_PATH]' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l probe-interval -d 'How often to ask through the public URL whether the tunnel lives [default: 5s; 150s with ngrok]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l start-timeout -d 'How long a provider may take to state a URL [default: 20s]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l lt -d 'The lt program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l ngrok -d 'The ngrok program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l cloudflared -d 'The cloudflared program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l doh -d 'Where the names of new tunnels are looked up (DNS over HTTPS, JSON) [default: Cloudflare\'s, then Google\'s]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -s p -l port -d 'The gateway\'s port [default: 3001]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l profile -d 'The profile MCP clients use [default: default]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l mcp-path -d 'Where the gateway serves MCP [default: /api/mcp/{profile}]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l health -d 'This path must answer 200; without it any HTTP answer means the gateway lives' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l host-header -d 'The Host the gateway sees: the visitor\'s, or localhost [default: auto]' -r -f -a "auto\t'The visitor\'s, unless the gateway refuses it (asked once at start)'
preserve\t'Always the visitor\'s'
local\t'Always `localhost:PORT`'"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l env -d 'Another variable for the gateway beside APP_URL; {url}, {host}, {port}, {profile} are filled in' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l auth -d 'Who gets in: those with the key, with auto unless the gateway itself asks for a login; none: everybody [default: auto]' -r -f -a "auto\t'A key, unless the gateway itself refuses anonymous calls'
key\t'Always a key'
none\t'Nothing'"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l expire -d 'End the session after this time, for example 2h [default: never]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l max-body -d 'The longest body of a request [default: 1GiB]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l frontend -d 'Let everybody reach the web frontend on this port too: all paths that are not the gateway\'s' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l log-requests -d 'Write every request into this file too, one JSON object a line' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l allow -d 'Let visitors reach this path too, without a key, and all below it' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l allow-host -d 'Serve visitors who come under this host name too; without it, the public address\'s and localhost' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l env-file -d 'Keep the same variables in this file; its other lines stay' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l on-url -d 'Run this in a shell whenever the URL is new, with the same variables' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l provider -d 'auto, localtunnel (lt), cloudflared, ngrok, local or url; auto takes the first that is ready, else local' -r -f -a "auto\t''
localtunnel\t''
cloudflared\t''
ngrok\t''
local\t''
url\t''"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l configure -d 'Put the address into these MCP clients\' files, and what was there back at the end' -r -f -a "claude-code\t''
claude-desktop\t''
cursor\t''
vscode\t''
vscode-insiders\t''
vscodium\t''
visual-studio\t''
codex\t''
gemini-cli\t''
qwen-code\t''
opencode\t''
copilot-cli\t''
zed\t''
windsurf\t''
cline\t''
roo-code\t''
kilo-code\t''
continue\t''
goose\t''
crush\t''
lm-studio\t''
kiro\t''
amazon-q\t''
amp\t''
augment\t''
mcporter\t''
antigravity\t''
warp\t''
factory-droid\t''
junie\t''
trae\t''
grok-build\t''
kimi-code\t''
boltai\t''
fiveire\t''"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l fallback -d 'Providers that take over when this one cannot go on; auto has the other ready ones for that' -r -f -a "localtunnel\t''
cloudflared\t''
ngrok\t''
local\t''
url\t''"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l no-verify -d 'Take the provider\'s word for the URL instead of proving it'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l demo -d 'Use the small MCP gateway inside mcpgw; takes provider local unless one is named'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -s y -l yes -d 'Answer yes to every question'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l keep -d 'Leave the clients\' entries as they are at the end'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l json -d 'One JSON object a line on standard output for every event'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -l no-qr -d 'Show the address without its QR code'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -s q -l quiet -d 'Print the MCP URL and trouble, nothing else'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand tunnel" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l port -d 'The gateway\'s port' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l health -d 'The path that must answer 200' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l mcp-path -d 'Where the gateway serves MCP' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l profile -d 'The profile MCP clients use' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l subdomain -d 'Ask for this name below the provider\'s domain' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l preset -d 'What the gateway is: better-auth (2026), nest (since 0.2), express (2025), mcp (any other MCP server), or none' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l provider -d 'auto, localtunnel, cloudflared, ngrok or local' -r -f -a "auto\t''
localtunnel\t''
cloudflared\t''
ngrok\t''
local\t''
url\t''"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l configure -d 'Clients whose files are to lead to the gateway: `mcpgw configure --list` names them' -r -f -a "claude-code\t''
claude-desktop\t''
cursor\t''
vscode\t''
vscode-insiders\t''
vscodium\t''
visual-studio\t''
codex\t''
gemini-cli\t''
qwen-code\t''
opencode\t''
copilot-cli\t''
zed\t''
windsurf\t''
cline\t''
roo-code\t''
kilo-code\t''
continue\t''
goose\t''
crush\t''
lm-studio\t''
kiro\t''
amazon-q\t''
amp\t''
augment\t''
mcporter\t''
antigravity\t''
warp\t''
factory-droid\t''
junie\t''
trae\t''
grok-build\t''
kimi-code\t''
boltai\t''
fiveire\t''"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -s y -l yes -d 'Ask nothing'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l dry-run -d 'Print the file instead of writing it'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -l force -d 'Replace a file that exists'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand init" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l url -d 'Where the entry leads; the MCP path is appended where it has none [default: the running session\'s address]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l profile -d 'The profile [default: the session\'s, else default]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l mcp-path -d 'Where the gateway serves MCP [default: the session\'s, else /api/mcp/{profile}]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l name -d 'The entry\'s name [default: mcpgw; mcpgw-FOLDER where another project has that]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l via -d 'The way to the gateway [default: tunnel where the client speaks HTTP, else bridge]' -r -f -a "tunnel\t'The session\'s public address'
local\t'The gateway\'s port on this machine'
bridge\t'`mcpgw bridge`, which the client starts'"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l header -d 'A header that the client is to send, beside the key' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -s p -l port -d 'The session on this gateway port' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l scope -d 'Whose file' -r -f -a "user\t'The user\'s, for every project'
project\t'The project\'s, which others may share'"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l config -d 'The client\'s file, where it is in an unusual place' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l session -d 'The session of this name (its project folder\'s last name) or id [default: this project\'s; outside of one, the only one]' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l all -d 'Every client that is installed here; with --undo every project\'s entries'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l force -d 'Overwrite somebody else\'s entry of that name'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l experimental -d 'Clients too whose path and shape nobody has seen'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l dry-run -d 'Show what would change, and write nothing'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l remove -d 'Take the entry out'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l undo -d 'Put the files back as they were before this project\'s entries; those of all clients where none is named'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l list -d 'List the clients'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -l json -d 'Print one JSON document'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand configure" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand doctor" -l port -d 'The gateway\'s port, or the session on it [default: the session\'s, else 3001]' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand doctor" -l session -d 'The session of this name or id [default: the one of this project]' -r -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand doctor" -l only -d 'Only these checks, or groups of them (`gateway`); what they need runs, too' -r -f -a "config.file\t''
config.user\t''
config.env\t''
config.values\t''
config.command\t''
state.home\t''
state.access\t''
state.mode\t''
state.key\t''
env.lt\t''
env.cloudflared\t''
env.proxy\t''
env.no_proxy\t''
env.node\t''
env.turbo\t''
env.app_url\t''
provider.localtunnel\t''
provider.cloudflared\t''
provider.cloudflared.config\t''
provider.ngrok\t''
provider.ngrok.config\t''
provider.ngrok.agent\t''
provider.ngrok.web\t''
provider.choice\t''
session.file\t''
session.stale\t''
session.orphans\t''
session.several\t''
session.running\t''
session.key\t''
session.edge\t''
session.provider\t''
session.ready\t''
session.env_file\t''
session.api\t''
gateway.port\t''
gateway.owner\t''
gateway.http\t''
gateway.health\t''
gateway.path\t''
gateway.mcp\t''
gateway.host\t''
net.online\t''
net.clock\t''
provider.server\t''
tunnel.dns\t''
tunnel.connect\t''
tunnel.tls\t''
tunnel.probe\t''
tunnel.headers\t''
tunnel.mcp\t''
tunnel.sse\t''
tunnel.websocket\t''
tunnel.page\t''
exposure.network\t''
exposure.bypass\t''
exposure.paths\t''
exposure.key\t''
oauth.metadata\t''
oauth.redirect\t''
oauth.drift\t''
oauth.callback\t''
cert.files\t''
cert.ca\t''
cert.expiry\t''
cert.trust\t''
cert.node\t''
client.leftovers\t''
client.claude-code\t''
client.claude-desktop\t''
client.cursor\t''
client.vscode\t''
client.vscode-insiders\t''
client.vscodium\t''
client.visual-studio\t''
client.codex\t''
client.gemini-cli\t''
client.qwen-code\t''
client.opencode\t''
client.copilot-cli\t''
client.zed\t''
client.windsurf\t''
client.cline\t''
client.roo-code\t''
client.kilo-code\t''
client.continue\t''
client.goose\t''
client.crush\t''
client.lm-studio\t''
client.kiro\t''
client.amazon-q\t''
client.amp\t''
client.augment\t''
client.mcporter\t''
client.antigravity\t''
client.warp\t''
client.factory-droid\t''
client.junie\t''
client.trae\t''
client.grok-build\t''
client.kimi-code\t''
client.boltai\t''
client.fiveire\t''"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand doctor" -l fix -d 'Put right what is safe to: stale session files, what dead sessions left running, file modes'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand doctor" -l json -d 'Print one JSON document'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand man" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -l tunnel-name -d 'cloudflared: the named tunnel' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -l hostname -d 'cloudflared: the host name that leads to the named tunnel' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -l lt -d 'The lt program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -l ngrok -d 'The ngrok program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -l cloudflared -d 'The cloudflared program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -l json -d 'Print one JSON document'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -f -a "setup" -d 'Show the steps until a provider is ready, and run each that is agreed to'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and not __fish_seen_subcommand_from setup help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from setup" -l tunnel-name -d 'cloudflared: the named tunnel' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from setup" -l hostname -d 'cloudflared: the host name that leads to the named tunnel' -r
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from setup" -l lt -d 'The lt program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from setup" -l ngrok -d 'The ngrok program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from setup" -l cloudflared -d 'The cloudflared program, where it is not on PATH' -r -F
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from setup" -s y -l yes -d 'Agree to every step; ngrok\'s authtoken is read from standard input where that is no terminal'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from setup" -s h -l help -d 'Print help'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from help" -f -a "setup" -d 'Show the steps until a provider is ready, and run each that is agreed to'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand providers; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "cert" -d 'Make certificates for this machine, and let the system trust them'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "bridge" -d 'Serve MCP on standard input and output, and forward to the live gateway: what clients start'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "run" -d 'Run a command with APP_URL (and the rest) of the running session'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "logs" -d 'Show what a session\'s gateway, provider, edge and hook said'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "status" -d 'Show the sessions, and whether they live'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "url" -d 'Print the address of the running session, copy it, or show it as a QR code'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "stop" -d 'End a running session, a hung one too, and clear away after a dead one'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "key" -d 'Show or change the key that visitors need'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "tunnel" -d 'Start a tunnel and the gateway behind it, and keep both alive until Ctrl-C'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "init" -d 'Write a commented mcpgw.toml by looking at the project'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "configure" -d 'Put the gateway into MCP clients\' config files, take it out, or undo'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "doctor" -d 'Find out what is wrong, and say how to put it right'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "man" -d 'Print the manual page, of one command if it is named'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "providers" -d 'Compare the tunnel providers, show which are ready, and set them up'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and not __fish_seen_subcommand_from cert completions bridge run logs status url stop key tunnel init configure doctor man providers help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and __fish_seen_subcommand_from cert" -f -a "create" -d 'Make a certificate for localhost, 127.0.0.1, ::1 and the names given'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and __fish_seen_subcommand_from cert" -f -a "trust" -d 'Make this system trust the local CA; every command is shown before it runs'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and __fish_seen_subcommand_from cert" -f -a "untrust" -d 'Take that back'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and __fish_seen_subcommand_from cert" -f -a "show" -d 'Show the local CA, whether the system trusts it, and the certificates'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "show" -d 'Print the key of this project, or of a session\'s'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "rotate" -d 'Make a new key, and put it into the clients\' files that hold the old one, which opens nothing any more'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand help; and __fish_seen_subcommand_from providers" -f -a "setup" -d 'Show the steps until a provider is ready, and run each that is agreed to'
complete -c mcpgw -n "__fish_mcpgw_using_subcommand status" -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand url" -f -a "(mcpgw __sessions 2>/dev/null)"
complete -c mcpgw -n "__fish_mcpgw_using_subcommand stop" -f -a "(mcpgw __sessions 2>/dev/null)"
