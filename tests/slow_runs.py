"""Which tests are left to `make test-all`, so that every other run takes less than a quarter of an hour."""

from __future__ import annotations

from collections import defaultdict

import pytest

# The second server, of another release, runs in every test run where releases differ most; all else on it is slow.
ON_BOTH_SERVERS = ("test_round_trip", "test_traps", "test_side_by_side")
# It loads only on one release and takes ten seconds: in every run it is restored once, from format sql.
REGRESSION_IN_EVERY_RUN = "recovery/test_round_trip.py"
# Of a list of cases with a server, every run takes so many: the first, the last, and from between.
MOST_CASES = 3
# Modules about corners that seldom move.
WHOLE_MODULES = {
    "test_retention_faults",
    "test_renaming",
    "test_plan_elsewhere",
    "test_managed",
    "test_assertions",
    "test_e_behaviour",
    "test_private",
    "test_cli_failures",
    "test_plans",
    "test_foreign_hostile",
    "test_c_tables",
    "test_d_values",
    "test_f_cluster",
    "test_a_standbys",
    "test_meanings",
    "test_fitting",
    "test_surroundings",
    "test_properties",
    "test_names_and_encodings",
    "test_selection",
    "test_export_refusals",
    "test_demo_crm",
    "test_key_terminal",
    "test_cli_import",
    "test_cli_foreign",
    "test_cli_renaming",
    "test_cli_drill",
    "test_cli_plan",
    "test_corpus_damaged",
    "test_full_disk",
}
# Whole ways through processes, of which others of their kind are in every run.
SINGLE_TESTS = {
    "test_around": (
        "test_before_and_after_a_backup",
        "test_one_that_fails_afterwards",
        "test_cancelling_while",
        "test_one_that_cannot_be_told",
        "test_pings_at",
    ),
    "test_cli_schedules": (
        "test_execute",
        "test_a_runner_in_the_background",
    ),
    "test_killed_side_by_side": (
        "test_a_recovery_dies_while_names",
        "test_a_rollback_dies",
    ),
    "test_retention": (
        "test_after_a_backup_and_only_after",
        "test_damaged_backups_count",
        "test_chains_proofs_and_pins",
    ),
    "test_year": (
        "test_every_expected_run_is_accounted_for[45-1",
        "test_neither_memory",
    ),
    "test_occurrences": ("test_the_latest_are_the_end_of_all",),
    "test_age_program": ("test_we_open_its_passphrase_and_its_protected_identity_file",),
    "test_corpus": ("test_the_regression_database_loads_as_recorded",),
    "test_offsite_reading": ("test_exports_comparisons_and_drills", "test_from_python"),
    "test_cli_offsite": ("test_a_copy_that_fails_is_seen", "test_what_is_set_wrongly"),
    "test_zip": ("test_more_entries_than_16_bits_count",),
    "test_story": (
        "test_some_tables_are_restored",
        "test_a_backup_is_looked_into",
        "test_an_existing_database_is_not_touched",
        "test_a_backup_is_restored_to_an_address",
        "test_a_job_goes_on_while",
    ),
    "test_cli_drill": (
        "test_every_database_is_drilled_and_the_first_failure_counts",
        "test_an_encrypted_backup",
        "test_what_people_read",
        "test_what_cannot_be_drilled",
    ),
    "test_cli_backups": (
        "test_a_backup_that_cannot_be_read",
        "test_tables_are_exchanged_in_place",
        "test_what_people_read",
        "test_hostile_names",
        "test_encryption",
        "test_marks",
        "test_jobs_are_remembered",
        "test_a_repository_that_is_not_mounted",
        "test_plain_files_the_whole_way",
        "test_what_is_left_out_is_shown",
        "test_a_restore_that_is_not_compared_says_so",
        "test_a_backup_is_compared_with_the_database_and_with_another",
        "test_what_a_backup_cannot_be_called[x",
        "test_what_a_backup_cannot_be_called[  ",
        "test_what_a_backup_cannot_be_called[a",
        "test_stopping_the_command_cancels_its_job[15",
        "test_rows_are_shown_out_of_a_backup",
        "test_the_catalog_is_a_cache",
        "test_one_table_into",
        "test_two_commands",
    ),
    "test_cli_plan": (
        "test_elsewhere_and_of_dumps",
        "test_what_refuses_it_is_the_exit_status",
    ),
    "test_batches": (
        "test_the_result_is_that_of_one_statement[1",
        "test_append_by_batches",
    ),
    "test_signed_backups": (
        "test_a_restore_on_another_machine",
        "test_the_catalog_tells_of_removed_backups",
    ),
    "test_demo": (
        "test_headless_tells_its_steps",
        "test_what_is_kept_opens_again",
        "test_a_lost_terminal_ends_the_demo",
        "test_an_interrupted_demo_leaves_nothing[hung-up-while-backing-up]",
        "test_an_interrupted_demo_leaves_nothing[interrupted-while-validating",
        "test_headless_proves",
    ),
    "test_drill": (
        "test_the_private_server_is_of_the_sources_release[embedded",
        "test_a_private_server_that_cannot_do[disk]",
        "test_cancelled",
        "test_a_damaged_backup_fails_and_that_is_recorded[archive",
        "test_a_damaged_backup_fails_and_that_is_recorded[globals",
        "test_every_kind_and_format[full",
        "test_an_encrypted_backup_needs",
        "test_a_backup_that_lost",
        "test_a_private_server_that",
        "test_a_proof_from",
    ),
    "test_drills": (
        "test_cancelled",
        "test_job_and_runner_are_killed",
        "test_the_job_is_killed",
    ),
    "test_export": (
        "test_other",
        "test_everything_comes_back_equal[embedded-csv",
        "test_everything_comes_back_equal[embedded-sql-gzip-odd",
        "test_an_encrypted_backup",
        "test_a_partial_backup",
    ),
    "test_cli_export": (
        "test_files_and_pipes",
        "test_encrypted_backups_say_that_the_file_is_not",
        "test_what_is_refused",
    ),
    "test_in_place_model": ("test_tables_become_what_the_model_says[append]",),
    "test_formats": (
        "test_ranges_and_segments_stand_in_order[zip",
        "test_ranges_and_segments_stand_in_order[json]",
        "test_ranges_and_segments_stand_in_order[plain csv]",
        "test_encrypted_and_in_batches[embedded-None",
        "test_some_tables[plain",
        "test_an_empty_database[plain",
        "test_a_restore_on_another_release_compares_the_text[json",
        "test_a_restore_on_another_release_compares_the_text[plain",
        "test_json_in_other_compressions[none",
        "test_corpus_comes_back_equal[embedded-pagila-plain",
        "test_every_change_is_found[plain",
        "test_a_restore_on_another_release",
        "test_json_in_other",
        "test_encrypted_and_in_batches[embedded-7-zip",
    ),
    "test_peek": (
        "test_paging_through_many_segments[json",
        "test_paging_through_many_segments[csv-",
    ),
    "test_plain_csv": (
        "test_more_tables_than_files_may_be_open[True",
        "test_more_tables_than_files_may_be_open[False]",
    ),
    "test_changed_bits": (
        "test_every_cut_is_found[(<BackupFormat.CSV: 'csv'>, <Compression.NONE: 'none'>",
        "test_every_changed_bit_is_found[(<BackupFormat.CSV: 'csv'>, <Compression.NONE: 'none'>, True)",
        "test_every_changed_bit_is_found[(<BackupFormat.JSON: 'json'>",
    ),
    "test_screens": ("test_every_key_of_every_pane_can_be_pressed[jobs]",),
    "test_options": (
        "test_go_into",
        "test_tables_must_be",
        "test_keys_in_a_circle",
        "test_psql_loads",
        "test_rows_that_break",
        "test_heirs_bring",
        "test_every_compression_comes_back_equal[embedded-gzip",
        "test_every_compression_comes_back_equal[embedded-none",
    ),
    "test_adversity": (
        "test_a_runner_may_die_at_any_moment[2",
        "test_a_runner_may_die_at_any_moment[3",
        "test_a_runner_may_die_at_any_moment",
    ),
    "test_encryption": (
        "test_a_database_of_many_segments[zstd",
        "test_a_database_of_many_segments[gzip",
    ),
    "test_jobs": (
        "test_a_validation_is_recorded",
        "test_a_spare_process",
        "test_the_next_process",
        "test_a_runner_outlives",
        "test_jobs_and_their_workers",
    ),
    "test_failures": (
        "test_without_fingerprints_the_text",
        "test_an_existing_database_is_not",
        "test_name_that_is_taken",
        "test_lost_globals",
        "test_without_verification",
        "test_failure_in_an_existing",
    ),
    "test_schedules": (
        "test_people_go_before",
        "test_no_more_scheduled",
        "test_a_backup_every_minute",
    ),
    "test_backup_rows": ("test_tables_without_rows",),
    "test_cli_terminal": ("test_restoring_asks",),
    "test_reads": (
        "test_backups_are_compared_with",
        "test_rows_of_a_backup_are_read",
    ),
    "test_schedule_processes": (
        "test_a_run_that_a_crash",
        "test_a_server_that_comes_back",
    ),
    "test_schedule_wishes": ("test_each_schedule_keeps",),
    "test_attending": (
        "test_a_pinned_backup_stays",
        "test_a_schedules_policy",
    ),
    "test_killed_in_place": ("test_a_rollback_dies",),
    "test_runner_process": (
        "test_an_old_runner_with_work",
        "test_a_second_runner_is_refused",
    ),
    "test_cli_recover": ("test_it_is_left_and_taken_up",),
    "test_wizard": (
        "test_the_whole_database_is_exchanged",
        "test_without_a_backup",
    ),
    "test_health": (
        "test_a_host_that_cannot_open_its_own_backups",
        "test_a_restore_that_takes_too_long",
        "test_drills_and_their_age",
        "test_durations_savings_and_failures",
        "test_what_is_not_compressed",
        "test_a_manifest_that_cannot_be_read",
        "test_tiers_and_objectives",
    ),
    "test_health_alerts": (
        "test_a_new_database_is_told_of",
        "test_alerts_outlive_their_runner",
        "test_damage_is_read_at_once",
    ),
    "test_cli_monitor": (
        "test_with_a_runner",
        "test_the_objective_is_spoken_of",
    ),
}


def mark_slow(items: list[pytest.Item]) -> None:
    """Marks what is left to the slow run."""
    cases: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if _is_left(item):
            item.add_marker(pytest.mark.slow)
        elif item.get_closest_marker("slow") is None and "unit" not in item.path.parts:
            cases[item.nodeid.partition("[")[0]].append(item)
    for found in cases.values():
        taken = {round(number * (len(found) - 1) / (MOST_CASES - 1)) for number in range(MOST_CASES)}
        for number, item in enumerate(found):
            if number not in taken:
                item.add_marker(pytest.mark.slow)


def _is_left(item: pytest.Item) -> bool:
    module = item.path.stem
    parameters = getattr(item, "callspec", None)
    identifiers = parameters.id.split("-") if parameters is not None else []
    on_system = "system" in identifiers and not module.startswith(ON_BOTH_SERVERS)
    regression = "regression" in identifiers and not str(item.path).endswith(REGRESSION_IN_EVERY_RUN)
    return on_system or regression or module in WHOLE_MODULES or item.name.startswith(SINGLE_TESTS.get(module, ("\0",)))
