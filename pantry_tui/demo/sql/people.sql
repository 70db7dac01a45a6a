-- Users, organizations, contacts and tags.

INSERT INTO public.users (id, email, full_name, role, manager_id, territory, time_zone, settings, last_seen_at,
                          created_at, updated_at, deleted_at)
SELECT pantry_seed.key('user', n),
       lower(replace(replace(name, '''', ''), ' ', '.')) || n::text || '@kitchenpantry.example',
       name,
       CASE WHEN n = 1 THEN 'admin' WHEN n <= 1 + s.users / 12 THEN 'manager'
            WHEN n % 23 = 0 THEN 'read_only' ELSE 'sales_rep' END::public.user_role,
       CASE WHEN n > 1 THEN pantry_seed.key('user', 1 + pantry_seed.pick(n, 3, 1 + s.users / 12)) END,
       pantry_seed.choose(pantry_seed.territories(), n, 4),
       pantry_seed.choose('{America/Chicago,America/New_York,America/Denver,America/Los_Angeles}', n, 5),
       jsonb_build_object('theme', pantry_seed.choose('{light,dark,system}', n, 6), 'digest', n % 3 = 0,
                          'pinned', jsonb_build_array(pantry_seed.pick(n, 7, 40), pantry_seed.pick(n, 8, 40))),
       pantry_seed.moment(n, 9, 14),
       pantry_seed.moment(n, 11, 900) - interval '20000 hours',
       pantry_seed.moment(n, 9, 14),
       CASE WHEN n % 37 = 0 THEN pantry_seed.moment(n, 9, 14) END
FROM pantry_seed.sizes s, generate_series(1, s.users) n,
     LATERAL (SELECT pantry_seed.person(n, 1) AS name OFFSET 0) person;

-- Numbers 1 … distributors, then principals, then the headquarters of chains, then everybody who cooks.
INSERT INTO public.organizations (id, parent_id, kind, name, legal_name, account_manager_id, website, phone, street,
                                  city, state, postal_code, latitude, longitude, priority, annual_volume,
                                  delivery_days, contract_until, profile, created_at, updated_at, deleted_at)
SELECT pantry_seed.key('organization', n),
       CASE WHEN chain > 0 THEN pantry_seed.key('organization', s.distributors + s.principals + chain) END,
       kind::public.organization_kind,
       name,
       name || pantry_seed.choose('{" LLC"," Inc."," Co."," Group LLC"," Hospitality Inc."}', n, 21),
       pantry_seed.key('user', pantry_seed.manager_of(n, s.users)),
       'https://www.' || trim('-' FROM regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g')) || '.example',
       pantry_seed.phone(n, 22),
       (100 + pantry_seed.pick(n, 24, 8900))::text || ' ' || pantry_seed.choose(pantry_seed.streets(), n, 25),
       split_part(town, '|', 1),
       split_part(town, '|', 2),
       split_part(town, '|', 3) || lpad(pantry_seed.pick(n, 26, 100)::text, 2, '0'),
       split_part(town, '|', 4)::double precision + (pantry_seed.pick(n, 27, 40000) - 20000)::double precision / 1e5,
       split_part(town, '|', 5)::double precision + (pantry_seed.pick(n, 28, 40000) - 20000)::double precision / 1e5,
       pantry_seed.choose('{A,B,B,C,C,C,D,D}', n, 29),
       (5000 + pantry_seed.pick_popular(n, 30, 90000000))::numeric / 100,
       CASE pantry_seed.pick(n, 31, 4) WHEN 0 THEN '{mon,thu}' WHEN 1 THEN '{tue,fri}' WHEN 2 THEN '{mon,wed,fri}'
            ELSE '{}' END::text[],
       CASE WHEN n % 50 = 0 THEN 'infinity' WHEN n % 3 = 0
            THEN date '2026-12-31' + 90 * pantry_seed.pick(n, 32, 12)::integer END,
       jsonb_build_object(
           'seats', 20 + pantry_seed.pick(n, 33, 180),
           'cuisine', jsonb_build_array(pantry_seed.choose(pantry_seed.cuisines(), n, 34),
                                        pantry_seed.choose(pantry_seed.cuisines(), n, 35)),
           'rating', round((20 + pantry_seed.pick(n, 36, 31))::numeric / 10, 1),
           'delivers', n % 4 = 1,
           'terms', jsonb_build_object('net', 7 * (1 + pantry_seed.pick(n, 37, 6)),
                                       'limit', 500 * (1 + pantry_seed.pick(n, 38, 60)))),
       joined,
       joined + CASE WHEN n % 3 = 0 THEN make_interval(hours => pantry_seed.pick(n, 41, 9000)::integer)
                     ELSE interval '0' END,
       CASE WHEN pantry_seed.pick(n, 42, 40) = 0 THEN joined + interval '9000 hours' END
FROM pantry_seed.sizes s, generate_series(1, s.organizations) n,
     LATERAL (SELECT pantry_seed.choose(pantry_seed.cities(), n, 43) AS town,
                     pantry_seed.choose(pantry_seed.institutions(), n, 44) AS institution,
                     pantry_seed.moment(n, 39, 1200) - interval '9000 hours' AS joined OFFSET 0) given,
     -- a location of a chain carries the chain's name and its own town
     LATERAL (SELECT CASE WHEN n > s.distributors + s.principals + s.chains AND pantry_seed.pick(n, 45, 100) < 35
                          THEN 1 + pantry_seed.pick_popular(n, 46, s.chains) ELSE 0 END AS chain OFFSET 0) belonging,
     LATERAL (
         SELECT CASE WHEN n <= s.distributors THEN 'distributor'
                     WHEN n <= s.distributors + s.principals THEN 'principal'
                     WHEN n <= s.distributors + s.principals + s.chains THEN 'chain'
                     WHEN chain > 0 OR n % 6 > 0 THEN 'restaurant' ELSE split_part(institution, '|', 2) END AS kind,
                CASE WHEN n <= s.distributors
                     THEN pantry_seed.choose(pantry_seed.regions(), n, 47) || ' '
                          || pantry_seed.choose(pantry_seed.distributor_kinds(), n, 48)
                     WHEN n <= s.distributors + s.principals
                     THEN pantry_seed.choose(pantry_seed.brands(), n, 49) || ' '
                          || pantry_seed.choose(pantry_seed.brand_kinds(), n, 50)
                     WHEN n <= s.distributors + s.principals + s.chains
                     THEN pantry_seed.house_name(n)
                     WHEN chain > 0
                     THEN pantry_seed.house_name(s.distributors + s.principals + chain) || ' · '
                          || split_part(town, '|', 1)
                     WHEN n % 6 > 0 THEN pantry_seed.house_name(n)
                     ELSE format(split_part(institution, '|', 1), pantry_seed.choose(pantry_seed.last_names(), n, 51))
                END AS name OFFSET 0) named;

INSERT INTO public.contacts (id, organization_id, first_name, last_name, title, email, phones, is_primary, preferences,
                             birthday, best_time, remarks, created_at, updated_at, deleted_at)
SELECT pantry_seed.key('contact', n),
       pantry_seed.key('organization', organization),
       first_name,
       last_name,
       pantry_seed.choose(pantry_seed.titles(), n, 61),
       lower(first_name || '.' || replace(last_name, '''', '')) || '@kitchen-' || organization::text || '.example',
       CASE n % 3 WHEN 0 THEN ARRAY[pantry_seed.phone(n, 62)]
            WHEN 1 THEN ARRAY[pantry_seed.phone(n, 62), pantry_seed.phone(n, 64)] ELSE '{}' END,
       pantry_seed.pick(n, 66, 3) = 0,
       jsonb_build_object('channel', pantry_seed.choose('{email,phone,text,visit}', n, 67),
                          'newsletter', n % 5 < 2, 'language', pantry_seed.choose('{en,en,en,es,fr,zh}', n, 68)),
       CASE WHEN n % 4 = 0 THEN date '1958-01-01' + pantry_seed.pick(n, 69, 16000)::integer END,
       CASE WHEN n % 2 = 0 THEN time '06:30' + make_interval(mins => 15 * pantry_seed.pick(n, 70, 40)::integer) END,
       CASE WHEN pantry_seed.pick(n, 71, 3) = 0
            THEN format(pantry_seed.choose(pantry_seed.sentences(), n, 72),
                        pantry_seed.product_name(1 + n % s.products), first_name,
                        pantry_seed.choose(pantry_seed.first_names(), n, 73),
                        2 + pantry_seed.pick(n, 74, 27), 3 + pantry_seed.pick(n, 75, 6),
                        15 + pantry_seed.pick(n, 76, 120)) END,
       met,
       met + CASE WHEN n % 3 = 0 THEN make_interval(hours => pantry_seed.pick(n, 79, 4000)::integer)
                  ELSE interval '0' END,
       CASE WHEN pantry_seed.pick(n, 80, 30) = 0 THEN met + interval '4000 hours' END
FROM pantry_seed.sizes s, generate_series(1, s.contacts) n,
     LATERAL (SELECT pantry_seed.choose(pantry_seed.first_names(), n, 81) AS first_name,
                     pantry_seed.choose(pantry_seed.last_names(), n, 82) AS last_name,
                     pantry_seed.organization_of(n, s.organizations, s.contacts) AS organization,
                     pantry_seed.moment(n, 77, 1000) - interval '4000 hours' AS met OFFSET 0) given;

INSERT INTO public.tags (name, colour, synonyms)
SELECT name, '#' || lpad(to_hex(pantry_seed.pick(n, 91, 16777216)), 6, '0'),
       CASE WHEN n % 3 = 0 THEN ARRAY[replace(name, ' ', '-'), NULL, upper(name)] END
FROM unnest(pantry_seed.tag_names()) WITH ORDINALITY AS tag (name, n);

INSERT INTO public.organization_tags (organization_id, tag_id, tagged_by, tagged_at)
SELECT pantry_seed.key('organization', n), 1 + (pantry_seed.pick(n, 92, 24) + 7 * k) % 24,
       pantry_seed.key('user', pantry_seed.manager_of(n, s.users)), pantry_seed.moment(n * 3 + k, 93, 700)
FROM pantry_seed.sizes s, generate_series(1, s.organizations) n, generate_series(0, pantry_seed.pick(n, 95, 4)) k;
