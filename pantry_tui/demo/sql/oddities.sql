-- What a CRM collects over the years and every backup must carry: all kinds of characters, and values at the edge.
-- The rows are the same at every scale.

INSERT INTO public.organizations (id, parent_id, kind, name, priority, annual_volume, latitude, longitude,
                                  contract_until, delivery_days, profile, created_at, updated_at)
SELECT pantry_seed.key('odd organization', n), NULL, kind::public.organization_kind, name, 'B', volume,
       '-0'::double precision, 0.1::double precision + 0.2::double precision, until::date, days::text[], profile::jsonb,
       timestamptz '2026-11-20 21:59:59.999999+00', timestamptz '2026-11-20 21:59:59.999999+00'
FROM (VALUES
    (1, 'restaurant', 'Café «À la bonne franquette»', 1.10, '2027-02-28', '{mon,NULL,"NULL"}', '{"seats": 1e2}'),
    (2, 'restaurant', 'بيت الشام للمأكولات', 0, 'infinity', '[0:1]={أحد,خميس}', '{"اسم": "بيت الشام"}'),
    (3, 'restaurant', 'מסעדת השף ' || U&'\200F' || '(תל אביב)', 12.00, '-infinity', '{"",""}', '[]'),
    (4, 'restaurant', '寿司処 さくら 🍣', 99999999999.99, '0044-03-15 BC', '{{mon,tue},{wed,thu}}', '{"評価": "👩‍🍳"}'),
    (5, 'caterer', 'O''Malley''s "Backslash" Pub C:\new\table', NULL, NULL, '{"a\\b","c\"d"}', '"\\\\"'),
    (6, 'hotel', E'Hotel\tTabulator\nSecond line\r\nThird \\. line', 'NaN', '12026-01-01', '{}', 'null'),
    (7, 'school', U&'e\0301cole nin\0303a A\030A\0327', 0.00, NULL, '{"{}"}', '{"a": {"b": [1, null, "x\u0001"]}}'),
    (8, 'distributor', '  leading and trailing  ', -1, NULL, '{}', '{"n": 12345678901234567890.123456789}')
) AS odd (n, kind, name, volume, until, days, profile);

INSERT INTO public.contacts (id, organization_id, first_name, last_name, remarks, phones, created_at, updated_at)
SELECT pantry_seed.key('odd contact', n), pantry_seed.key('odd organization', n), first_name, last_name, remarks,
       ARRAY['+1-312-555-0100', phone], timestamptz '2026-11-20 20:00:00+00', timestamptz '2026-11-20 20:00:00+00'
FROM (VALUES
    (1, 'Renée', 'D''Arçon', 'said: "C''est «bon»" – and left', NULL),
    (2, 'ليلى', 'الخطيب', E'مرحبا\tworld\nשלום', '٠١٢٣'),
    (3, 'רות', 'כהן', U&'\202Eevil\202C', ''),
    (4, '山田', '太郎', U&'\D83D\DC68\200D\D83C\DF73\FE0F cooks 🌶️🌶️🌶️', 'ext. "5"'),
    (5, 'Robert''); DROP TABLE contacts;--', 'Tables', '$$ $1 %s %(name)s {} [red]not markup[/red]', '{}'),
    (6, E'Esc\x1b[31mape', E'Bell\x07', E'\x01\x02\x08\x0b\x0c\x1f\x7f and \u00a0\u0085\u2028\ufeff', '\N'),
    (7, '', '', '', 'NULL'),
    (8, 'Zoë', U&'Zoe\0308', U&'\+01F1FA\+01F1F8 \+010FFFF \FFFD', '\.')
) AS odd (n, first_name, last_name, remarks, phone);

INSERT INTO public.interactions (id, organization_id, contact_id, kind, subject, body, occurred_at, duration, sentiment,
                                 metadata, created_at, updated_at)
SELECT pantry_seed.key('odd interaction', n), pantry_seed.key('odd organization', 1 + n % 8),
       pantry_seed.key('odd contact', 1 + n % 8), 'email', subject, body, at::timestamptz, lasted::interval,
       feeling::real, jsonb_build_object('headers', subject, 'raw', body),
       timestamptz '2026-11-20 22:00:00+00', timestamptz '2026-11-20 22:00:00+00'
FROM (VALUES
    (0, 'A line that would end a COPY', E'before\n\\.\nafter', '2026-11-20 12:00+00', '1 mon -2 days +03:00', 'NaN'),
    (1, '\.', '\.', '2026-11-20 12:00+00', '-00:00:00.000001', 'Infinity'),
    (2, '\N', '\N', '2026-11-20 12:00+00', NULL, '-Infinity'),
    (3, 'Every escape', E'\\b \\f \\n \\r \\t \\v \\x41 \\101 \\\\ \b\f\n\r\t\x0b', 'infinity', '0', '-0'),
    (4, 'Line ends', E'unix\ndos\r\nmac\rend\n', '-infinity', '100 years', '1e-40'),
    (5, 'Only blanks', '   ', '0001-01-01 00:00+00 BC', '23:59:59.999999', '3.4028235e38'),
    (6, 'Nothing', '', '2026-03-29 01:30+00', '24:00', '0.1'),
    (7, 'Long', repeat('All work and no play makes Jack a dull boy. ', 4000), '2026-10-25 00:30+00', NULL, NULL),
    (8, 'Long, and hard to pack', (SELECT string_agg(md5(k::text), '' ORDER BY k) FROM generate_series(1, 2000) k),
     '2026-11-20 12:00+00', NULL, NULL),
    (9, 'SQL', E'''; COMMIT; DROP DATABASE crm; --\n\\c postgres\n\\! true\n\\restrict x', '2026-11-20 12:00+00', NULL,
     NULL),
    (10, 'Every character up to U+02FF',
     (SELECT string_agg(chr(k), '' ORDER BY k) FROM generate_series(1, 767) k), '2026-11-20 12:00+00', NULL, NULL)
) AS odd (n, subject, body, at, lasted, feeling);

INSERT INTO public."Forecast 2026 (final) v2" ("Account", "Δ vs. 2025, %", "Rep's ""gut feel""", "order")
SELECT CASE WHEN n % 7 > 0 THEN pantry_seed.house_name(n / 2) END,
       CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN 1.0 WHEN 2 THEN 1.00 ELSE (n - 12)::numeric / 3 END,
       CASE n % 3 WHEN 0 THEN 'good' WHEN 1 THEN '' END,
       n / 4
FROM generate_series(1, 24) n, generate_series(1, 2) twice;
