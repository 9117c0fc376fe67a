//! What keeps a server from starting is told in one message each, with exit code 2.

use crate::support::Machine;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn public() -> Machine {
    Machine::new().with("COUNTERSIGN_LISTEN", "0.0.0.0:8000")
}

#[track_caller]
fn assert_refused(machine: &Machine, words: &str, expected: &str) {
    assert_eq!(machine.types(&format!("config check {words}")).refused_in_one_line(), expected);
}

#[test]
fn loopback_needs_nothing() {
    for listen in ["127.0.0.1:8000", "127.9.9.9:0", "[::1]:8000", "[::ffff:127.0.0.1]:8000"] {
        let outcome = Machine::new().types(&format!("config check --listen {listen}"));

        assert!(outcome.succeeded().contains("this machine only"), "{listen}: {}", outcome.answer);
    }
}

#[test]
fn a_public_address_needs_a_secret_and_tls() {
    let nothing = public().types("config check");
    let nothing = nothing.refused_in_one_line();
    for wanted in [
        "0.0.0.0:8000 is no loopback address",
        "COUNTERSIGN_SECRET_KEY (make one: countersign generate secret)",
        "COUNTERSIGN_PUBLIC_URL to an address that begins with https://",
        "COUNTERSIGN_HTTP__TRUSTED_PROXIES",
        "--insecure-http",
    ] {
        assert!(nothing.contains(wanted), "{wanted} is not in: {nothing}");
    }

    let settled = public()
        .with("COUNTERSIGN_SECRET_KEY", SECRET)
        .with("COUNTERSIGN_PUBLIC_URL", "https://auth.example.com")
        .with("COUNTERSIGN_HTTP__TRUSTED_PROXIES", "10.0.0.0/8, fd00::1");
    assert!(settled.types("config check").succeeded().contains("behind a proxy that speaks TLS"));
}

#[test]
fn each_missing_part_is_named_alone() {
    let secret = public().with("COUNTERSIGN_SECRET_KEY", SECRET);
    let proxied = secret.with("COUNTERSIGN_HTTP__TRUSTED_PROXIES", "10.0.0.0/8");
    assert_refused(
        &proxied.with("COUNTERSIGN_PUBLIC_URL", "http://auth.example.com"),
        "",
        "0.0.0.0:8000 is no loopback address: to listen there, set COUNTERSIGN_HTTP__TLS_CERT and \
         COUNTERSIGN_HTTP__TLS_KEY to the files of a certificate, or set COUNTERSIGN_PUBLIC_URL to an address that begins \
         with https:// (or pass --insecure-http, which sends passwords in the clear)",
    );

    let https = public().with("COUNTERSIGN_PUBLIC_URL", "https://auth.example.com");
    assert_refused(
        &https.with("COUNTERSIGN_SECRET_KEY", SECRET),
        "",
        "0.0.0.0:8000 is no loopback address: to listen there, set COUNTERSIGN_HTTP__TLS_CERT and \
         COUNTERSIGN_HTTP__TLS_KEY to the files of a certificate, or set COUNTERSIGN_HTTP__TRUSTED_PROXIES to the network of \
         the proxy that speaks TLS for it, such as 10.0.0.0/8 (or pass --insecure-http, which sends passwords in the \
         clear)",
    );
}

#[test]
fn insecure_http_waives_tls_and_not_the_secret() {
    let with_secret = public().with("COUNTERSIGN_SECRET_KEY", SECRET);

    assert!(with_secret.types("config check --insecure-http").succeeded().contains("WITHOUT TLS"));
    assert_refused(
        &public(),
        "--insecure-http",
        "0.0.0.0:8000 is no loopback address: to listen there, set COUNTERSIGN_SECRET_KEY (make one: countersign generate \
         secret)",
    );
}

#[test]
fn an_empty_variable_counts_as_missing() {
    let machine = public().with("COUNTERSIGN_SECRET_KEY", "").with("COUNTERSIGN_NONSENSE", "");

    assert!(machine.types("config check --insecure-http").refused_in_one_line().contains("set COUNTERSIGN_SECRET_KEY"));
}

#[test]
fn a_short_secret_is_refused_without_repeating_it() {
    assert_refused(
        &Machine::new().with("COUNTERSIGN_SECRET_KEY", "hunter2"),
        "",
        "COUNTERSIGN_SECRET_KEY: secret_key is too short: it must be 32 bytes or more in base64 or hex, or 32 characters \
         or more; several are separated by commas (make one: countersign generate secret)",
    );
    assert_refused(
        &Machine::new().with("COUNTERSIGN_TOKENS__ALGORITHM", "HS256").with("JWT_SECRET", "hunter2"),
        "",
        "JWT_SECRET: tokens.jwt_secret is too short: it must be 32 bytes or more (make one: countersign generate secret)",
    );
}

#[test]
fn hs256_needs_the_shared_secret_and_nothing_else_reads_it() {
    assert_refused(
        &Machine::new(),
        "--set tokens.algorithm=HS256",
        "--set: tokens.algorithm is HS256, which needs JWT_SECRET: 32 bytes or more (make one: countersign generate \
         secret)",
    );

    for (name, value) in [("JWT_SECRET", "short"), ("JWT_SECRET_FILE", "/nowhere")] {
        let of_another_program = Machine::new().with(name, value).types("config check");

        assert!(of_another_program.succeeded().contains("in order"), "{name}");
    }
}

#[test]
fn an_unknown_setting_is_refused_wherever_it_stands() {
    let machine = Machine::new().with_file("countersign.toml", "[tokens]\n\nacces_ttl_seconds = 5\n");
    assert_refused(
        &machine,
        "",
        "countersign.toml:3: tokens.acces_ttl_seconds is not a setting; did you mean tokens.access_ttl_seconds?",
    );
    assert_refused(
        &Machine::new().with("COUNTERSIGN_JWT_SECRET", "x"),
        "",
        "COUNTERSIGN_JWT_SECRET is not a setting; did you mean COUNTERSIGN_TOKENS__JWT_SECRET?",
    );
    assert_refused(&Machine::new(), "--set nonsense=1", "--set: nonsense is not a setting");
}

#[test]
fn variables_that_kubernetes_makes_for_a_service_are_not_settings() {
    let pod = Machine::new()
        .with("KUBERNETES_SERVICE_HOST", "10.0.0.1")
        .with("COUNTERSIGN_SERVICE_HOST", "10.0.0.9")
        .with("COUNTERSIGN_PORT", "tcp://10.0.0.9:8000")
        .with("COUNTERSIGN_PORT_8000_TCP_ADDR", "10.0.0.9");
    assert!(!pod.types("config check").succeeded().is_empty());

    assert_refused(&Machine::new().with("COUNTERSIGN_PORT", "8000"), "", "COUNTERSIGN_PORT is not a setting");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let machine = Machine::new()
        .with_file("countersign.toml", "listen = \"nowhere\"\n\n[passwords]\nbcrypt_cost = 4\n\n[http]\ntls = true\n")
        .with("COUNTERSIGN_TOKENS__ALGORITHM", "none")
        .with("COUNTERSIGN_DATABASE__URL_FILE", "missing")
        .with("COUNTERSIGN_PUBLIC_URL", "auth.example.com");

    let outcome = machine.types("config check --set registration.enabled=maybe --set http.body_timeout_seconds=60");

    let expected = "\
countersign.toml:7: http.tls is not a setting; did you mean http.tls_key?
countersign.toml:1: listen must be an IP address and a port, such as 127.0.0.1:8000 or [::]:8000, not \"nowhere\"
COUNTERSIGN_PUBLIC_URL: public_url must be an address such as https://auth.example.com, without query or fragment
COUNTERSIGN_DATABASE__URL_FILE: database.url cannot be read from missing: No such file or directory (os error 2)
COUNTERSIGN_TOKENS__ALGORITHM: tokens.algorithm must be one of ES256, EdDSA, RS256, HS256, not \"none\"
countersign.toml:4: passwords.bcrypt_cost must be a whole number from 12 to 16, not \"4\"
--set: registration.enabled must be true or false, not \"maybe\"
--set: http.body_timeout_seconds is 60, which is longer than http.request_timeout_seconds (30)";
    assert_eq!(outcome.refused().join("\n"), expected);
}

#[test]
fn a_public_address_is_not_blamed_for_what_is_faulty_already() {
    let machine = public()
        .with("COUNTERSIGN_SECRET_KEY", "short")
        .with("COUNTERSIGN_PUBLIC_URL", "nonsense")
        .with("COUNTERSIGN_HTTP__TRUSTED_PROXIES", "nonsense");

    let outcome = machine.types("config check");

    let faults = outcome.refused();
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(faults.iter().all(|fault| !fault.contains("loopback")), "{faults:#?}");
}

#[test]
fn contradictions_between_settings_are_told() {
    assert_refused(
        &Machine::new().with("COUNTERSIGN_TOKENS__REFRESH_IDLE_TTL_SECONDS", "90"),
        "--set tokens.refresh_absolute_ttl_seconds=60",
        "COUNTERSIGN_TOKENS__REFRESH_IDLE_TTL_SECONDS: tokens.refresh_idle_ttl_seconds is 90, which is longer than \
         tokens.refresh_absolute_ttl_seconds (60)",
    );
    assert_refused(
        &Machine::new().with("COUNTERSIGN_METRICS__LISTEN", "127.0.0.1:8000"),
        "",
        "COUNTERSIGN_METRICS__LISTEN: metrics.listen is 127.0.0.1:8000, where the service itself listens: metrics need \
         an address of their own",
    );
    assert_refused(
        &Machine::new(),
        "--set database_breaker.open_milliseconds=2000",
        "--set: database_breaker.open_milliseconds is 2000, which is longer than \
         database_breaker.longest_open_milliseconds (1000)",
    );
    assert_refused(
        &Machine::new(),
        "--set mail_breaker.open_milliseconds=70000",
        "--set: mail_breaker.open_milliseconds is 70000, which is longer than \
         mail_breaker.longest_open_milliseconds (60000)",
    );
    assert_refused(
        &Machine::new(),
        "--set breach_check_breaker.open_milliseconds=70000",
        "--set: breach_check_breaker.open_milliseconds is 70000, which is longer than \
         breach_check_breaker.longest_open_milliseconds (60000)",
    );
    assert_refused(
        &Machine::new(),
        "--set traces_breaker.open_milliseconds=70000",
        "--set: traces_breaker.open_milliseconds is 70000, which is longer than \
         traces_breaker.longest_open_milliseconds (60000)",
    );
    assert_refused(
        &Machine::new().with("DATABASE_URL", "sqlite::memory:").with("DATABASE_URL_FILE", "url"),
        "",
        "DATABASE_URL: database.url is set here and by DATABASE_URL_FILE; keep one of them",
    );
}

#[test]
fn a_file_that_is_no_toml_or_is_not_there_is_told_in_one_line() {
    let machine = Machine::new().with_file("countersign.toml", "# fine\nlisten = nowhere\n");
    let fault = machine.types("config check");
    assert!(fault.refused_in_one_line().starts_with("countersign.toml:2: "), "{}", fault.complaint);

    assert_refused(
        &Machine::new(),
        "--config missing.toml",
        "cannot read missing.toml: No such file or directory (os error 2)",
    );
}

#[test]
fn wrong_arguments_end_with_the_same_exit_code() {
    for words in ["--nonsense", "config nonsense", "config check --set listen", "health not/a/url/"] {
        let outcome = Machine::new().types(words);

        assert_eq!(outcome.code, Some(2), "{words}: {}", outcome.complaint);
        assert!(!outcome.complaint.contains("panicked"), "{}", outcome.complaint);
    }
}

#[test]
fn tls_of_its_own_needs_both_files_and_an_https_address() {
    assert_refused(
        &Machine::new().with("COUNTERSIGN_HTTP__TLS_CERT", "tls.crt"),
        "",
        "COUNTERSIGN_HTTP__TLS_CERT: http.tls_cert needs the key of the certificate: set http.tls_key",
    );
    assert_refused(
        &Machine::new().with("COUNTERSIGN_HTTP__TLS_KEY", "tls.key"),
        "",
        "COUNTERSIGN_HTTP__TLS_KEY: http.tls_key needs the certificate: set http.tls_cert",
    );
    let both = Machine::new()
        .with("COUNTERSIGN_HTTP__TLS_CERT", "tls.crt")
        .with("COUNTERSIGN_HTTP__TLS_KEY", "tls.key")
        .with("COUNTERSIGN_SECRET_KEY", SECRET);
    let public = both.types("config check --listen 0.0.0.0:8443");
    assert!(public.succeeded().contains("with TLS of its own"), "{}", public.answer);
    assert_refused(
        &both,
        "--public-url http://auth.example.com",
        "--public-url: public_url begins with http://, but the server speaks TLS (http.tls_cert): it has to begin with \
         https://",
    );
}

#[test]
fn origins_are_named_exactly_or_refused() {
    let expect = |origins: &str, fault: &str| {
        let machine = Machine::new().with("COUNTERSIGN_HTTP__CORS_ORIGINS", origins);
        assert_refused(&machine, "", &format!("COUNTERSIGN_HTTP__CORS_ORIGINS: http.cors_origins {fault}"));
    };

    expect("*", "must name every origin: `*` would let any page in the world call this service");
    expect("null", "must not hold `null`: sandboxed pages and local files of anybody have that origin");
    expect(
        "https://app.example.com/, https://b.example",
        "must be a list of origins, such as https://app.example.com or http://localhost:5173, without a slash at the \
         end; \"https://app.example.com/\" is none",
    );
}

#[cfg(feature = "otlp")]
#[test]
fn a_key_for_the_collector_of_traces_does_not_travel_in_the_clear() {
    let at = |endpoint: &str| {
        let keyed = Machine::new().with("COUNTERSIGN_TRACES__HEADERS", "authorization=Bearer marker");
        keyed.with("COUNTERSIGN_TRACES__ENDPOINT", endpoint)
    };

    assert_refused(
        &at("http://collector.example.com:4318"),
        "",
        "COUNTERSIGN_TRACES__HEADERS: traces.headers would travel in the clear: let traces.endpoint begin with https://, \
         or name a collector on this machine",
    );
    for endpoint in
        ["https://collector.example.com", "http://127.0.0.1:4318", "http://[::1]:4318", "http://localhost:4318"]
    {
        at(endpoint).types("config check").succeeded();
    }
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_program_without_traces_does_not_pretend_to_send_them() {
    assert_refused(
        &Machine::new().with("COUNTERSIGN_TRACES__ENDPOINT", "http://127.0.0.1:4318"),
        "",
        "COUNTERSIGN_TRACES__ENDPOINT: traces.endpoint is set, but this program was built without traces: unset it, or \
         build with the feature otlp",
    );
}
