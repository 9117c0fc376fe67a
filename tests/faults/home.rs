//! Where a service lives: its directory, its database, its settings, and people who have registered before it starts.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use countersign::auth::register::{Application, register};
use countersign::clock::Clock;
use countersign::config::{Config, PublicUrl, RootSecrets};
use countersign::crypto::{Cost, Hasher, HasherSettings};
use countersign::database::{Database, Engine};
use countersign::domain::{Client, Email, NewPassword, Owner, Password, Username};
use countersign::server::{Parts, Server};
use tempfile::TempDir;

use crate::postgres::{TestDatabase, is_root};
use crate::postgres_server;
use crate::process::{Process, Service};

/// What everyone's password is, unless a test says otherwise.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// Fixed, so that tokens outlive a restart at another port.
const PUBLIC_URL: &str = "http://auth.example.com";
const ROOT_SECRET: &str = "a root secret that is for tests and nothing else";

/// A place for one service. What it holds goes with this value.
pub(crate) struct Home {
    storage: Storage,
    directory: TempDir,
    variables: BTreeMap<String, String>,
    /// Shell commands that are run in the process before it becomes the service.
    before: String,
    /// The program, and what it is started with.
    program: PathBuf,
    wrapper: &'static str,
}

enum Storage {
    File,
    Shared(TestDatabase),
    // The database is dropped before its server.
    Own(TestDatabase, postgres_server::Server),
}

/// Somebody who has registered and is signed in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
}

impl Home {
    /// A home on a database that nobody harms.
    pub(crate) fn new(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::on(Storage::File),
            Engine::Postgres => Self::on(Storage::Shared(TestDatabase::new())),
        }
    }

    /// A home with a PostgreSQL server of its own, to be harmed.
    pub(crate) fn with_own_server() -> Self {
        let server = postgres_server::Server::start();
        let database = TestDatabase::on(&server.url());
        Self::on(Storage::Own(database, server))
    }

    fn on(storage: Storage) -> Self {
        let directory = TempDir::new().unwrap();
        let url = match &storage {
            Storage::File => format!("sqlite://{}", directory.path().join("countersign.db").display()),
            Storage::Shared(database) | Storage::Own(database, _) => database.url(),
        };
        let home = Self {
            storage,
            directory,
            variables: BTreeMap::new(),
            before: String::new(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_countersign")),
            wrapper: "",
        };
        home.with("DATABASE_URL", &url)
            .with("COUNTERSIGN_LISTEN", "127.0.0.1:0")
            .with("COUNTERSIGN_PUBLIC_URL", PUBLIC_URL)
            .with("COUNTERSIGN_SECRET_KEY", ROOT_SECRET)
            // Every request of a test may come from another address, so limits by address are not its subject.
            .with("COUNTERSIGN_HTTP__TRUSTED_PROXIES", "127.0.0.1")
    }

    /// Sets a variable of the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Has a shell command run first, such as `ulimit`.
    pub(crate) fn after(mut self, command: &str) -> Self {
        command.clone_into(&mut self.before);
        self
    }

    /// Takes away the right to write here. Root may write everywhere, so the service then runs as somebody else.
    pub(crate) fn read_only(mut self) -> Self {
        if is_root() {
            let copy = self.directory.path().join("countersign");
            // Where the program was built others may not be allowed to look.
            fs::hard_link(&self.program, &copy).or_else(|_| fs::copy(&self.program, &copy).map(drop)).unwrap();
            self.program = copy;
            self.wrapper = "setpriv --reuid 65534 --regid 65534 --clear-groups";
        }
        if self.file().exists() {
            fs::set_permissions(self.file(), Permissions::from_mode(0o444)).unwrap();
        }
        fs::set_permissions(self.directory.path(), Permissions::from_mode(0o555)).unwrap();
        let directory = self.directory.path().display().to_string();
        self.with("COUNTERSIGN_DATA_DIR", &directory)
    }

    /// The server that is this home's alone.
    pub(crate) fn server(&self) -> &postgres_server::Server {
        match &self.storage {
            Storage::Own(_, server) => server,
            Storage::File | Storage::Shared(_) => panic!("this home has no server of its own"),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.variables["DATABASE_URL"]
    }

    /// The file of the embedded database.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("countersign.db")
    }

    /// Starts the service and waits until it listens.
    #[track_caller]
    pub(crate) fn start(&self) -> Service {
        self.launch().listening()
    }

    /// Starts the service.
    pub(crate) fn launch(&self) -> Process {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("{}\nexec {} \"$0\"", self.before, self.wrapper)])
            .arg(&self.program)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(&self.variables)
            .current_dir(self.directory.path());
        Process::start(&mut command)
    }

    /// A connection past the service, to look at what is there.
    pub(crate) async fn database(&self) -> Database {
        Database::connect(&self.url().into()).await.unwrap()
    }

    /// Registers people while the service does not run, with passwords that are cheap to hash.
    pub(crate) async fn people(&self, count: usize) -> Vec<Person> {
        let mut config = Config::default();
        config.service.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.service.public_url = PublicUrl::parse(PUBLIC_URL);
        config.database.url = Some(self.url().parse().unwrap());
        let cheap = HasherSettings { cost: Cost::for_tests(), ..HasherSettings::default() };
        let hasher = Hasher::start(cheap).unwrap();
        let root_secrets = RootSecrets::parse(ROOT_SECRET).unwrap();
        let parts = Parts { config, root_secrets, hasher, clock: Clock::system() };
        let app = Box::pin(Server::start(parts)).await.unwrap().app();

        let mut people = Vec::with_capacity(count);
        for number in 0..count {
            let email = Email::parse(&format!("seeded-{number}@example.com")).unwrap();
            let username = Username::parse(&format!("seeded-{number}")).unwrap();
            let owner = Owner { email: Some(&email), username: Some(&username) };
            let password = NewPassword::parse(Password::presented(PASSWORD.to_owned()), owner).unwrap();
            let client = Client { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), user_agent: None, request_id: None };
            let signed_in = register(&app, Application { email, username, password, client }).await.unwrap();
            people.push(Person {
                email: signed_in.user.email.as_str().to_owned(),
                access_token: signed_in.access_token.to_string(),
                refresh_token: signed_in.refresh_token.to_string(),
            });
        }
        people
    }
}
