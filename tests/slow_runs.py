"""Which tests are left to `make test-all`, so that every other run takes less than a quarter of an hour."""

from __future__ import annotations

import pytest

# The second server, of another release, runs in every test run where releases differ most; all else on it is slow.
ON_BOTH_SERVERS = ("test_round_trip", "test_traps", "test_side_by_side")
# It loads only on one release and takes ten seconds: in every run it is restored once, from format sql.
REGRESSION_IN_EVERY_RUN = "recovery/test_round_trip.py"
# Whole ways through processes, of which others of their kind are in every run, and long lists of one kind.
ONLY_IN_SLOW_RUNS = {
    "test_age_program": ("test_we_open_its_passphrase_and_its_protected_identity_file",),
    "test_corpus": ("test_the_regression_database_loads_as_recorded",),
    "test_zip": ("test_more_entries_than_16_bits_count",),
    "test_story": (
        "test_an_existing_database_is_not_touched",
        "test_a_backup_is_restored_to_an_address",
    ),
    "test_cli_drill": (
        "test_every_database_is_drilled_and_the_first_failure_counts",
        "test_an_encrypted_backup",
    ),
    "test_cli_failures": ("",),
    "test_cli_foreign": (
        "test_a_backup_of_ours_by_its_path",
        "test_an_encrypted_export",
        "test_what_is_refused",
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
    ),
    "test_cli_plan": ("test_what_refuses_it_is_the_exit_status",),
    "test_plans": ("",),
    "test_assertions": (
        "test_what_is_no_true_changes_nothing[merge",
        "test_some_tables_in_a_new_database",
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
    ),
    "test_drill": (
        "test_the_private_server_is_of_the_sources_release[embedded",
        "test_a_private_server_that_cannot_do[disk]",
        "test_cancelled",
        "test_a_damaged_backup_fails_and_that_is_recorded[archive",
        "test_a_damaged_backup_fails_and_that_is_recorded[globals",
        "test_every_kind_and_format[full",
    ),
    "test_drills": (
        "test_cancelled",
        "test_job_and_runner_are_killed",
        "test_the_job_is_killed",
    ),
    "test_export": (
        "test_other_encodings",
        "test_other_compressions_and_progress",
        "test_everything_comes_back_equal[embedded-csv-none",
        "test_everything_comes_back_equal[embedded-sql-gzip-odd",
    ),
    "test_cli_export": (
        "test_files_and_pipes",
        "test_encrypted_backups_say_that_the_file_is_not",
    ),
    "test_in_place_model": ("test_tables_become_what_the_model_says[append]",),
    "test_foreign_hostile": ("",),
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
    "test_cli_import": (
        "test_from_the_file_to_the_database[theirs.tar",
        "test_from_the_file_to_the_database[theirs.sql-",
        "test_from_the_file_to_the_database[theirs.zst",
        "test_encrypted",
        "test_a_changed_dump",
        "test_marks_deletion",
    ),
    "test_private": (
        "test_any_directory_name_serves[unicode",
        "test_any_directory_name_serves[shell",
        "test_any_directory_name_serves[space",
        "test_any_directory_name_serves[dash",
        "test_nobody_else_may_enter_its_directories_and_it_is_not_root[socket",
        "test_nobody_else_may_enter_its_directories_and_it_is_not_root[data",
    ),
    "test_options": (
        "test_every_compression_comes_back_equal[embedded-gzip",
        "test_every_compression_comes_back_equal[embedded-none",
        "test_a_changed_byte_is_found[none",
    ),
    "test_cli_renaming": (
        "test_yesterday_beside_today",
        "test_a_new_server_and_a_managed_one",
    ),
    "test_fitting": (
        "test_types_that_would_change_rows_are_refused[text",
        "test_types_that_would_change_rows_are_refused[num",
        "test_wider_types_take_the_rows_as_they_are[embedded-var",
        "test_wider_types_take_the_rows_as_they_are[embedded-text",
    ),
    "test_adversity": (
        "test_a_runner_may_die_at_any_moment[2",
        "test_a_runner_may_die_at_any_moment[3",
    ),
    "test_encryption": ("test_a_database_of_many_segments[zstd",),
    "test_failures": (
        "test_every_difference_is_found[SELECT",
        "test_every_difference_is_found[ALTER",
    ),
}


def mark_slow(items: list[pytest.Item]) -> None:
    """Marks what is left to the slow run."""
    for item in items:
        module = item.path.stem
        parameters = getattr(item, "callspec", None)
        identifiers = parameters.id.split("-") if parameters is not None else []
        on_system = "system" in identifiers and not module.startswith(ON_BOTH_SERVERS)
        regression = "regression" in identifiers and not str(item.path).endswith(REGRESSION_IN_EVERY_RUN)
        if on_system or regression or item.name.startswith(ONLY_IN_SLOW_RUNS.get(module, ("\0",))):
            item.add_marker(pytest.mark.slow)
