use super::*;

#[test]
fn the_last_figures_count() {
    let said = "INFO: seed corpus: files: 3 min: 1b max: 7b total: 9b rss: 30Mb\n\
                #2\tINITED cov: 3 ft: 4 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                #1024\tDONE   cov: 311 ft: 501 corp: 87/2346b lim: 4096 exec/s: 512 rss: 41Mb\n\
                stat::number_of_executed_units: 1024\n";
    assert_eq!(Report::of(said), Report { executions: 1024, edges: 311, corpus: 87 });
    assert_eq!(Report::of("").to_string(), "0 executions, 0 edges, 0 inputs");
}
