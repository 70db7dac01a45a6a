-- What was said, and the files that went with it.

INSERT INTO public.interactions (id, organization_id, contact_id, opportunity_id, user_id, kind, subject, body,
                                 occurred_at, duration, sentiment, follow_up_on, metadata, created_at, updated_at,
                                 deleted_at)
SELECT pantry_seed.key('interaction', n),
       pantry_seed.key('organization', organization),
       pantry_seed.key('contact', contact),
       CASE WHEN pantry_seed.pick(n, 171, 100) < 40
            THEN pantry_seed.key('opportunity', 1 + (contact - 1) * s.opportunities / s.contacts) END,
       pantry_seed.key('user', pantry_seed.manager_of(organization, s.users)),
       kind::public.interaction_kind,
       format(pantry_seed.choose(pantry_seed.subjects(), n, 172), product, person),
       (SELECT string_agg(
                   -- 7 and the number of sentences have no common factor: none is said twice
                   format((pantry_seed.sentences())[1 + (pantry_seed.pick(n, 173, 1000) + 7 * k)
                                                        % cardinality(pantry_seed.sentences())],
                          product, person, colleague,
                          2 + pantry_seed.pick(n * 8 + k, 174, 27), 3 + pantry_seed.pick(n * 8 + k, 175, 6),
                          15 + pantry_seed.pick(n * 8 + k, 176, 120)),
                   CASE WHEN n % 5 = 0 THEN E'\n' ELSE ' ' END ORDER BY k)
        FROM generate_series(0, 2 + pantry_seed.pick(n, 177, 4)) k),
       happened,
       CASE WHEN kind NOT IN ('email', 'follow_up')
            THEN make_interval(mins => 5 * (1 + pantry_seed.pick(n, 180, 24)::integer)) END,
       CASE WHEN n % 2 = 0 THEN (pantry_seed.pick(n, 181, 201) - 100)::real / 100 END,
       CASE WHEN n % 3 = 0 THEN happened::date + 7 * (1 + pantry_seed.pick(n, 182, 6)::integer) END,
       CASE kind WHEN 'email' THEN jsonb_build_object(
                'thread', pantry_seed.pick(contact, 184, 100000), 'opened', n % 4 = 0,
                'template', pantry_seed.choose('{intro,quote,thanks}', n, 186))
            WHEN 'sample_drop' THEN jsonb_build_object('cases', 1 + pantry_seed.pick(n, 183, 4),
                                                       'temperature_ok', n % 7 > 0)
            WHEN 'call' THEN jsonb_build_object('answered', n % 3 > 0, 'direction', 'outbound')
            ELSE jsonb_build_object('entered_with', 'mobile') END,
       happened,
       happened + CASE WHEN n % 4 = 0 THEN make_interval(mins => pantry_seed.pick(n, 185, 9000)::integer)
                       ELSE interval '0' END,
       CASE WHEN pantry_seed.pick(n, 191, 60) = 0 THEN happened + interval '9000 minutes' END
FROM pantry_seed.sizes s, generate_series(1, s.interactions) n,
     LATERAL (SELECT 1 + ((n - 1) * s.contacts / s.interactions + pantry_seed.pick(n, 187, 3)) % s.contacts AS contact,
                     pantry_seed.choose('{call,call,call,email,email,email,in_person,in_person,demo,sample_drop,'
                         'follow_up,complaint}', n, 188) AS kind,
                     pantry_seed.product_name(1 + pantry_seed.pick_popular(n, 189, s.products)) AS product,
                     pantry_seed.choose(pantry_seed.first_names(), n, 190) AS colleague,
                     pantry_seed.moment(n, 178, 720) - interval '7 days' AS happened OFFSET 0) given,
     LATERAL (SELECT pantry_seed.organization_of(contact, s.organizations, s.contacts) AS organization,
                     pantry_seed.choose(pantry_seed.first_names(), contact, 81) AS person OFFSET 0) belonging;

INSERT INTO public.attachments (id, interaction_id, file_name, media_type, bytes, sha256, preview, created_at,
                                deleted_at)
SELECT pantry_seed.key('attachment', n),
       pantry_seed.key('interaction', 1 + (n - 1) * s.interactions / s.attachments),
       pantry_seed.choose('{quote,spec-sheet,allergens,invoice,photo,menu,price-list}', n, 201) || '-' || n::text
           || '.' || ending,
       CASE ending WHEN 'pdf' THEN 'application/pdf' WHEN 'jpg' THEN 'image/jpeg'
            ELSE 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet' END,
       9000 + pantry_seed.pick_popular(n, 202, 4000000),
       sha256(convert_to('attachment' || n::text, 'UTF8')),
       CASE WHEN ending = 'jpg' THEN decode('ffd8ffe000104a46494600', 'hex')
            || decode(md5('preview' || pantry_seed.pick(n, 207, 500)::text), 'hex') END,
       pantry_seed.moment(n, 203, 700),
       CASE WHEN pantry_seed.pick(n, 205, 80) = 0 THEN timestamptz '2026-11-21 00:00:00+00' END
FROM pantry_seed.sizes s, generate_series(1, s.attachments) n,
     LATERAL (SELECT pantry_seed.choose('{pdf,pdf,jpg,xlsx}', n, 206) AS ending OFFSET 0) given;
