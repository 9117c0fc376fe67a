//! `docs/verifying-tokens.md` shows the examples as they are.

#[test]
fn the_page_shows_the_code_that_runs() {
    let page = include_str!("../../../docs/verifying-tokens.md");

    for (name, code) in [
        ("axum-service/src/main.rs", include_str!("../src/main.rs")),
        ("fastapi-service/countersign.py", include_str!("../../fastapi-service/countersign.py")),
        ("fastapi-service/app.py", include_str!("../../fastapi-service/app.py")),
        ("express-service/countersign.js", include_str!("../../express-service/countersign.js")),
        ("express-service/app.js", include_str!("../../express-service/app.js")),
    ] {
        assert!(page.contains(&format!("\n{code}```\n")), "examples/{name} is not in the page as it is");
    }
}
