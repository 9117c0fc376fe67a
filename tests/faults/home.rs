//! Where a service lives: its directory, its database, its settings, and people who have registered before it starts.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use countersign::app::App;
use countersign::auth::register::{Application, Registered, register};
use countersign::clock::Clock;
use countersign::config::{Config, PublicUrl, RootSecrets};
use countersign::crypto::{Cost, Hasher, HasherSettings};
use countersign::database::{Database, Engine, Statement, Writes};
use countersign::domain::{Client, Email, NewPassword, Owner, Password, Username};
use countersign::letters;
use countersign::mail::{Letter, Token};
use countersign::server::{Parts, Server};
use tempfile::TempDir;

use crate::postgres::{TestDatabase, is_root};
use crate::postgres_server;
use crate::process::{Process, Service};

/// The user and the group that own nothing, on Debian and its kin.
const NOBODY: u32 = 65534;
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
    wrapper: String,
}

enum Storage {
    File,
    Shared(TestDatabase),
    // The database is dropped before its server.
    Own(TestDatabase, postgres_server::Server),
    Cluster(TestDatabase, Cluster),
}

/// A primary whose commits wait for a standby.
pub(crate) struct Cluster {
    pub(crate) primary: postgres_server::Server,
    pub(crate) standby: postgres_server::Server,
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

    /// A home on two servers, of which the first can write.
    pub(crate) fn with_cluster() -> Self {
        let primary = postgres_server::Server::start();
        let database = TestDatabase::on(&primary.url());
        let standby = postgres_server::Server::synchronous_standby_of(&primary);
        Self::on(Storage::Cluster(database, Cluster { primary, standby }))
    }

    fn on(storage: Storage) -> Self {
        let directory = TempDir::new().unwrap();
        let url = match &storage {
            Storage::File => format!("sqlite://{}", directory.path().join("countersign.db").display()),
            Storage::Shared(database) | Storage::Own(database, _) => database.url(),
            Storage::Cluster(database, Cluster { primary, standby }) => {
                // The driver shall ask the one that only reads first.
                database.url().replace(&primary.host(), &format!("{},{}", standby.host(), primary.host()))
            }
        };
        let home = Self {
            storage,
            directory,
            variables: BTreeMap::new(),
            before: String::new(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_countersign")),
            wrapper: String::new(),
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

    /// Has another program run the service.
    pub(crate) fn under(mut self, wrapper: String) -> Self {
        self.wrapper = wrapper;
        self
    }

    /// Where the service has its files.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Takes away the right to write here before it starts.
    pub(crate) fn read_only(mut self) -> Self {
        if is_root() {
            self.run_as_nobody();
        }
        self.forbid_writing();
        let directory = self.directory.path().display().to_string();
        self.with("COUNTERSIGN_DATA_DIR", &directory)
    }

    /// Root may write everywhere, so the service runs as somebody else who owns what is here.
    pub(crate) fn run_by_somebody_else(mut self) -> Self {
        if is_root() {
            self.run_as_nobody();
            for path in self.paths() {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let directory = self.directory.path().display().to_string();
        self.with("COUNTERSIGN_DATA_DIR", &directory)
    }

    fn run_as_nobody(&mut self) {
        let copy = self.directory.path().join("countersign");
        // Where the program was built others may not be allowed to look.
        fs::hard_link(&self.program, &copy).or_else(|_| fs::copy(&self.program, &copy).map(drop)).unwrap();
        self.program = copy;
        self.wrapper = format!("setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups");
    }

    /// Takes away the right to write to the directory and to the files of the database.
    pub(crate) fn forbid_writing(&self) {
        self.set_modes(0o444, 0o555);
    }

    /// Gives it back.
    pub(crate) fn allow_writing(&self) {
        self.set_modes(0o644, 0o755);
    }

    /// Sets how many bytes a file of the running service may have.
    pub(crate) fn limit_file_size(&self, service: &Service, bytes: &str) {
        let process = service.process.id().as_raw_pid();
        // As the user that the service runs as: even root may lack the right to do it to others.
        let command = format!("exec {} prlimit --pid {process} --fsize={bytes}:", self.wrapper);
        assert!(Command::new("/bin/sh").args(["-c", &command]).status().unwrap().success(), "{command}");
    }

    fn set_modes(&self, file: u32, directory: u32) {
        for path in self.paths().filter(|path| path.is_file()) {
            fs::set_permissions(path, Permissions::from_mode(file)).unwrap();
        }
        fs::set_permissions(self.directory.path(), Permissions::from_mode(directory)).unwrap();
    }

    /// The directory, the database and what SQLite keeps beside it.
    fn paths(&self) -> impl Iterator<Item = PathBuf> {
        let files = ["", "-wal", "-shm"].map(|suffix| PathBuf::from(format!("{}{suffix}", self.file().display())));
        let here = self.directory.path().to_owned();
        files.into_iter().filter(|file| file.exists()).chain([here])
    }

    /// The server that is this home's alone.
    pub(crate) fn server(&self) -> &postgres_server::Server {
        match &self.storage {
            Storage::Own(_, server) => server,
            Storage::File | Storage::Shared(_) | Storage::Cluster(..) => panic!("it has no server of its own"),
        }
    }

    /// The servers that are this home's alone.
    pub(crate) fn cluster(&self) -> &Cluster {
        match &self.storage {
            Storage::Cluster(_, cluster) => cluster,
            Storage::File | Storage::Shared(_) | Storage::Own(..) => panic!("it has no cluster"),
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
        self.launch_with(Stdio::null())
    }

    /// Starts the service with this as its standard input.
    pub(crate) fn launch_with(&self, input: Stdio) -> Process {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", &format!("{}\nexec {} \"$0\"", self.before, self.wrapper)])
            .arg(&self.program)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .envs(&self.variables)
            .current_dir(self.directory.path());
        Process::start(&mut command, input)
    }

    /// Where this home keeps its files.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs another command of the program, on the same database.
    pub(crate) fn runs(&self, arguments: &[&str]) -> Process {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().envs(&self.variables).current_dir(self.directory.path());
        Process::start(&mut command, Stdio::null())
    }

    /// A connection past the service, to look at what is there.
    pub(crate) async fn database(&self) -> Database {
        Database::connect(&self.url().into()).await.unwrap()
    }

    /// Gives everybody this password, hashed at this cost: what [`people`](Self::people) hash is cheap, and renewed when
    /// they sign in.
    pub(crate) async fn hash_anew(&self, password: &str, cost: u32) {
        self.store_hash(&bcrypt::hash(password, cost).unwrap()).await;
    }

    /// Gives everybody this hash.
    pub(crate) async fn store_hash(&self, hash: &str) {
        static HASH: Statement = Statement::new("update users set hashed_password = $1");

        self.database().await.once().execute(&HASH, &[hash.into()]).await.unwrap();
    }

    /// The service without a process: it serves nobody, and its passwords are cheap to hash.
    async fn inside(&self) -> Arc<App> {
        let mut config = Config::default();
        config.service.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.service.public_url = PublicUrl::parse(&self.variables["COUNTERSIGN_PUBLIC_URL"]);
        config.database.url = Some(self.url().parse().unwrap());
        let cheap = HasherSettings { cost: Cost::for_tests(), ..HasherSettings::default() };
        let hasher = Hasher::start(cheap).unwrap();
        let root_secrets = RootSecrets::parse(ROOT_SECRET).unwrap();
        let parts = Parts { config, root_secrets, hasher, clock: Clock::system() };
        Box::pin(Server::start(parts)).await.unwrap().app()
    }

    /// Posts letters while the service does not run, each to somebody else.
    pub(crate) async fn letters(&self, count: usize, token: &str) {
        let app = self.inside().await;
        for stretch in (0..count).collect::<Vec<_>>().chunks(50) {
            let mut transaction = app.database.begin().await.unwrap();
            for number in stretch {
                let to = Email::parse(&format!("reader-{number}@example.com")).unwrap();
                let username = Username::parse(&format!("reader-{number}")).unwrap();
                let letter = Letter::ResetPassword { username, token: Token { link: token.into(), code: None } };
                letters::post(&app, &mut transaction, &to, &letter).await.unwrap();
            }
            transaction.commit().await.unwrap();
        }
    }

    /// Registers people while the service does not run, with passwords that are cheap to hash.
    pub(crate) async fn people(&self, count: usize) -> Vec<Person> {
        let app = self.inside().await;
        let mut people = Vec::with_capacity(count);
        for number in 0..count {
            let email = Email::parse(&format!("seeded-{number}@example.com")).unwrap();
            let username = Username::parse(&format!("seeded-{number}")).unwrap();
            let owner = Owner { email: Some(&email), username: Some(&username) };
            let password = NewPassword::parse(Password::presented(PASSWORD.to_owned()), owner).unwrap();
            let client = Client { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), user_agent: None, request_id: None };
            let registered = register(&app, Application { email, username, password, client }).await.unwrap();
            let Registered::SignedIn(signed_in) = registered else { panic!("registration signs in") };
            people.push(Person {
                email: signed_in.user.email.as_str().to_owned(),
                access_token: signed_in.access_token.to_string(),
                refresh_token: signed_in.refresh_token.to_string(),
            });
        }
        people
    }
}
