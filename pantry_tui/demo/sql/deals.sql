-- Opportunities and their lines: the lines first, because an opportunity's amount is their sum.

INSERT INTO public.opportunity_items (id, opportunity_id, product_id, position, quantity, unit_price, discount_percent,
                                      note, created_at, updated_at)
SELECT pantry_seed.key('item', n * 16 + k),
       pantry_seed.key('opportunity', n),
       pantry_seed.key('product', product),
       k + 1,
       CASE WHEN pantry_seed.pick(n * 16 + k, 131, 9) = 0 THEN (1 + pantry_seed.pick(n * 16 + k, 132, 80))::numeric / 4
            ELSE 1 + pantry_seed.pick(n * 16 + k, 133, 60) END,
       pantry_seed.list_price(product),
       CASE WHEN pantry_seed.pick(n * 16 + k, 134, 4) = 0 THEN 2.5 * (1 + pantry_seed.pick(n, 135, 6)) ELSE 0 END,
       CASE WHEN pantry_seed.pick(n * 16 + k, 136, 6) = 0
            THEN pantry_seed.choose(pantry_seed.item_notes(), n * 16 + k, 137) END,
       written,
       written + CASE WHEN n % 4 = 0 THEN make_interval(mins => pantry_seed.pick(n * 16 + k, 138, 3000)::integer)
                      ELSE interval '0' END
FROM pantry_seed.sizes s, generate_series(1, s.opportunities) n,
     LATERAL (SELECT pantry_seed.moment(n, 141, 700) - interval '60 days' AS written OFFSET 0) given,
     generate_series(0, pantry_seed.pick(n, 143, 7)) k,
     LATERAL (SELECT 1 + pantry_seed.pick_popular(n * 16 + k, 144, s.products) AS product OFFSET 0) chosen;

INSERT INTO public.opportunities (id, number, organization_id, contact_id, owner_id, quote, name, stage, amount,
                                  probability, expected_close, competitors, lost_reason, details, created_at,
                                  updated_at, deleted_at)
OVERRIDING SYSTEM VALUE
SELECT pantry_seed.key('opportunity', n),
       100000 + n,
       pantry_seed.key('organization', organization),
       pantry_seed.key('contact', contact),
       pantry_seed.key('user', pantry_seed.manager_of(organization, s.users)),
       CASE WHEN n % 4 > 0 THEN 20000 + 5 * n END,
       product || ', ' || pantry_seed.choose(
           '{"spring menu","standing order",trial,conversion,bid,"limited offer",banquets}', n, 151),
       stage::public.opportunity_stage,
       coalesce(lines.amount, 0),
       CASE stage WHEN 'closed_won' THEN 100 WHEN 'closed_lost' THEN 0 ELSE 10 * (1 + pantry_seed.pick(n, 152, 9)) END,
       (begun + make_interval(days => 20 + pantry_seed.pick(n, 153, 100)::integer))::date,
       CASE WHEN n % 3 = 0 THEN ARRAY[pantry_seed.choose(pantry_seed.competitors(), n, 154)] ELSE '{}' END,
       CASE WHEN stage = 'closed_lost' THEN pantry_seed.choose(pantry_seed.lost_reasons(), n, 155) END,
       jsonb_build_object('source', pantry_seed.choose('{referral,"food show",web,"cold call",principal}', n, 156),
                          'incentive', pantry_seed.choose(pantry_seed.incentives(), n, 157),
                          'cases_per_week', 1 + pantry_seed.pick(n, 158, 60),
                          'next', jsonb_build_object('step', pantry_seed.choose('{call,visit,quote,demo}', n, 159),
                                                     'in_days', pantry_seed.pick(n, 160, 30))),
       begun,
       begun + CASE WHEN n % 2 = 0 THEN make_interval(hours => pantry_seed.pick(n, 161, 1400)::integer)
                    ELSE interval '0' END,
       CASE WHEN pantry_seed.pick(n, 162, 50) = 0 THEN begun + interval '1400 hours' END
FROM pantry_seed.sizes s, generate_series(1, s.opportunities) n
     LEFT JOIN (SELECT opportunity_id, sum(line_total) AS amount FROM public.opportunity_items GROUP BY 1) lines
     ON lines.opportunity_id = pantry_seed.key('opportunity', n),
     LATERAL (SELECT pantry_seed.choose('{new_lead,initial_outreach,sample_visit_offered,awaiting_response,'
                         'feedback_logged,demo_scheduled,closed_won,closed_won,closed_won,closed_lost,closed_lost}',
                                        n, 163) AS stage,
                     pantry_seed.product_name(1 + pantry_seed.pick_popular(n, 164, s.products)) AS product,
                     1 + (n - 1) * s.contacts / s.opportunities AS contact,
                     pantry_seed.moment(n, 141, 700) - interval '60 days' AS begun OFFSET 0) given,
     LATERAL (SELECT pantry_seed.organization_of(contact, s.organizations, s.contacts) AS organization
              OFFSET 0) belonging
ORDER BY n;

SELECT setval(pg_get_serial_sequence('public.opportunities', 'number'), (SELECT max(number) FROM public.opportunities)),
       setval('public.quote_number', (SELECT max(quote) FROM public.opportunities));
