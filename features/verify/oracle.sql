-- The 33 columns of v2_33features, a second time and in another way: row by row from the raw frames, in plain SQL,
-- without the builders, their windows or their prefix sums; then what each row is and what happened. Reads `asked` (game_id, player_id, team_id), the raw
-- tables, and the variables cutoff_minutes, expected_days, expected_team_games, has_shot_zones, has_injuries.

CREATE TABLE r AS
SELECT a.game_id, a.player_id, a.team_id, g.game_date AS d, g.season, g.season_type, g.tip_off_at,
       g.tip_off_at - to_minutes(getvariable('cutoff_minutes')) AS cut_off_at,
       a.team_id = g.home_team_id AS is_home,
       CASE WHEN a.team_id = g.home_team_id THEN g.away_team_id ELSE g.home_team_id END AS opponent_id
FROM asked a JOIN games g USING (game_id);

CREATE TABLE tg AS  -- a team's game
SELECT game_id, team_id, any_value(opponent_id) AS opponent_id, any_value(season) AS season,
       any_value(game_date) AS game_date, bool_or(won) AS won, sum(points) AS points, sum(minutes) AS minutes,
       sum(fga) + 0.44 * sum(fta) - sum(oreb) + sum(turnovers) AS possessions,
       sum(fga) + 0.44 * sum(fta) + sum(turnovers) AS plays,
       48 * (sum(fga) + 0.44 * sum(fta) - sum(oreb) + sum(turnovers)) / (sum(minutes) / 5.0) AS pace,
       coalesce(sum(paint_attempts), 0) AS paint_a, coalesce(sum(paint_made), 0) AS paint_m,
       coalesce(sum(mid_range_attempts), 0) AS mid_a, coalesce(sum(mid_range_made), 0) AS mid_m,
       coalesce(sum(three_attempts), 0) AS three_a, coalesce(sum(three_made), 0) AS three_m,
       sum(fga - fg3a) AS two_a, sum(fgm - fg3m) AS two_m, sum(fg3a) AS box3_a, sum(fg3m) AS box3_m
FROM player_games LEFT JOIN shot_zones USING (game_id, player_id)
GROUP BY game_id, team_id;

CREATE TABLE past AS  -- each row's active games before it, the latest first
SELECT r.game_id AS g, r.player_id AS p, r.d, r.season AS row_season, r.opponent_id AS row_opponent, a.game_date,
       a.season, a.team_id, a.opponent_id, a.points, a.minutes, a.fga, a.fta, a.turnovers, a.fg3a, a.fg3m, a.ftm,
       a.assists, a.rebounds,
       tg.minutes AS team_minutes, tg.plays AS team_plays, z.paint_attempts, z.mid_range_attempts, z.three_attempts,
       CASE WHEN z.game_id IS NOT NULL THEN a.fga END AS fga_z,
       a.game_date >= r.d - INTERVAL 365 DAY AS in_year,
       row_number() OVER (PARTITION BY r.game_id, r.player_id ORDER BY a.game_date DESC) AS rn
FROM r JOIN player_games a ON a.player_id = r.player_id AND a.game_date < r.d AND a.minutes > 0
JOIN tg ON tg.game_id = a.game_id AND tg.team_id = a.team_id
LEFT JOIN shot_zones z ON z.game_id = a.game_id AND z.player_id = a.player_id;

CREATE TABLE form AS
SELECT g, p, count(*) AS n_ever, count(*) FILTER (season = row_season) AS n_season,
       count(*) FILTER (in_year AND rn <= 10) AS n10,
       count(*) FILTER (in_year AND rn <= 5) AS n5,
       avg(points) FILTER (in_year AND rn <= 5) AS points_avg_last_5,
       avg(points) FILTER (in_year AND rn <= 10) AS points_avg_last_10,
       avg(points) FILTER (season = row_season) AS points_avg_season,
       stddev_samp(points) FILTER (in_year AND rn <= 10) AS points_std_last_10,
       count(*) FILTER (game_date >= d - INTERVAL 7 DAY) AS games_in_last_7_days,
       coalesce(sum(minutes) FILTER (game_date >= d - INTERVAL 7 DAY), 0) AS minutes_7,
       count(*) FILTER (in_year) AS n_year,
       max(game_date) FILTER (season = row_season) AS latest_of_season,
       max(game_date) AS latest,
       avg(points) FILTER (in_year AND rn <= 3) - avg(points) FILTER (in_year AND rn IN (4, 5)) AS trend,
       avg(minutes) FILTER (in_year AND rn <= 10) AS minutes_avg_last_10,
       avg(minutes) FILTER (season = row_season) AS minutes_season,
       sum(points) FILTER (in_year AND rn <= 10) / sum(minutes) FILTER (in_year AND rn <= 10) AS ppm_avg_last_10,
       (sum(fga + 0.44 * fta + turnovers) FILTER (in_year AND rn <= 3)) * (sum(team_minutes) FILTER (in_year AND rn <= 3)) / 5
         / ((sum(minutes) FILTER (in_year AND rn <= 3)) * (sum(team_plays) FILTER (in_year AND rn <= 3))) AS usage_3,
       (sum(fga + 0.44 * fta + turnovers) FILTER (in_year AND rn <= 10)) * (sum(team_minutes) FILTER (in_year AND rn <= 10)) / 5
         / ((sum(minutes) FILTER (in_year AND rn <= 10)) * (sum(team_plays) FILTER (in_year AND rn <= 10))) AS usage_10,
       (sum(paint_attempts) FILTER (in_year AND rn <= 10)) / nullif(sum(fga_z) FILTER (in_year AND rn <= 10), 0) AS paint,
       (sum(mid_range_attempts) FILTER (in_year AND rn <= 10)) / nullif(sum(fga_z) FILTER (in_year AND rn <= 10), 0) AS mid,
       (sum(three_attempts) FILTER (in_year AND rn <= 10)) / nullif(sum(fga_z) FILTER (in_year AND rn <= 10), 0) AS three,
       (sum(fg3a) FILTER (in_year AND rn <= 10)) / nullif(sum(fga) FILTER (in_year AND rn <= 10), 0) AS pct_three,
       (sum(ftm) FILTER (in_year AND rn <= 10)) / nullif(sum(points) FILTER (in_year AND rn <= 10), 0) AS ft_share,
       avg(points) FILTER (opponent_id = row_opponent AND game_date >= d - INTERVAL 3 YEAR) AS avg_vs,
       count(*) FILTER (opponent_id = row_opponent AND game_date >= d - INTERVAL 3 YEAR) AS n_vs
FROM past GROUP BY g, p;

CREATE TABLE pairs AS  -- nights after nights, both within a fortnight
SELECT late.g, late.p, count(*) AS n
FROM past late JOIN past early ON late.g = early.g AND late.p = early.p
  AND late.game_date = early.game_date + INTERVAL 1 DAY
WHERE early.game_date >= early.d - INTERVAL 14 DAY
GROUP BY late.g, late.p;

CREATE TABLE sides AS SELECT DISTINCT game_id AS g, team_id AS t, d, season AS s FROM r
UNION SELECT DISTINCT game_id, opponent_id, d, season FROM r;

CREATE TABLE team_past AS
SELECT sides.g, sides.t, sides.d, own.*, other.points AS against, other.possessions AS possessions_against,
       other.paint_a AS o_paint_a, other.paint_m AS o_paint_m, other.mid_a AS o_mid_a, other.mid_m AS o_mid_m,
       other.three_a AS o_three_a, other.three_m AS o_three_m, other.two_a AS o_two_a, other.two_m AS o_two_m,
       other.box3_a AS o_box3_a, other.box3_m AS o_box3_m,
       row_number() OVER (PARTITION BY sides.g, sides.t ORDER BY own.game_date DESC) AS rn
FROM sides JOIN tg own ON own.team_id = sides.t AND own.season = sides.s AND own.game_date < sides.d
JOIN tg other ON other.game_id = own.game_id AND other.team_id = own.opponent_id;

CREATE TABLE team_form AS
SELECT g, t, count(*) AS n, any_value(d) - max(game_date) - 1 AS rest,
       avg(pace) FILTER (rn <= 10) AS pace_10, avg(pace) FILTER (rn <= 15) AS pace_15,
       100 * sum(points) FILTER (rn <= 10) / sum(possessions) FILTER (rn <= 10) AS off_10,
       100 * sum(against) FILTER (rn <= 15) / sum(possessions_against) FILTER (rn <= 15) AS def_15,
       avg(won::INT) AS win_pct,
       sum(o_paint_m) FILTER (rn <= 15) / nullif(sum(o_paint_a) FILTER (rn <= 15), 0) AS paint,
       sum(o_mid_m) FILTER (rn <= 15) / nullif(sum(o_mid_a) FILTER (rn <= 15), 0) AS mid,
       sum(o_three_m) FILTER (rn <= 15) / nullif(sum(o_three_a) FILTER (rn <= 15), 0) AS three,
       sum(o_two_m) FILTER (rn <= 15) / nullif(sum(o_two_a) FILTER (rn <= 15), 0) AS two,
       sum(o_box3_m) FILTER (rn <= 15) / nullif(sum(o_box3_a) FILTER (rn <= 15), 0) AS box3
FROM team_past GROUP BY g, t;

CREATE TABLE league AS  -- the month of the teams with ten games; what they allow is what the others shot against them
SELECT m.season, m.d, avg(own.pace) AS pace,
       sum(other.paint_m) / nullif(sum(other.paint_a), 0) AS paint, sum(other.mid_m) / nullif(sum(other.mid_a), 0) AS mid,
       sum(other.three_m) / nullif(sum(other.three_a), 0) AS three, sum(other.two_m) / nullif(sum(other.two_a), 0) AS two,
       sum(other.box3_m) / nullif(sum(other.box3_a), 0) AS box3
FROM (SELECT DISTINCT season, d FROM r) m
JOIN tg own ON own.game_date < m.d AND own.game_date >= m.d - INTERVAL 30 DAY
JOIN tg other ON other.game_id = own.game_id AND other.team_id = own.opponent_id
WHERE (SELECT count(*) FROM tg x WHERE x.team_id = own.team_id AND x.season = m.season AND x.game_date < m.d) >= 10
GROUP BY m.season, m.d;

CREATE MACRO is_known(captured_at, reported_on, cut_off_at, d) AS CASE
  WHEN captured_at IS NULL THEN reported_on < d
  WHEN cut_off_at IS NULL THEN (captured_at AT TIME ZONE 'America/New_York')::DATE < d
  ELSE captured_at <= cut_off_at END;

CREATE TABLE listed AS
SELECT r.game_id AS g, r.player_id AS p, arg_max(i.status, (i.reported_on, i.entry)) AS status
FROM r JOIN injuries i ON i.player_id = r.player_id AND is_known(i.captured_at, i.reported_on, r.cut_off_at, r.d)
GROUP BY ALL;

CREATE TABLE team_stars_out AS  -- the team-mates of each side who score 20 and are listed out
WITH moments AS (SELECT DISTINCT game_id AS g, team_id AS t, d, season AS s, cut_off_at FROM r),
mates AS (
  SELECT m.*, x.player_id AS p, arg_max(x.team_id, x.game_date) AS latest_team,
         avg(x.points) FILTER (x.minutes > 0 AND x.season = m.s) AS points
  FROM moments m JOIN player_games x ON x.game_date < m.d AND x.season = m.s GROUP BY ALL)  -- a star has played this season
SELECT mates.g, mates.t, mates.p
FROM mates JOIN injuries i ON i.player_id = mates.p AND is_known(i.captured_at, i.reported_on, mates.cut_off_at, mates.d)
WHERE latest_team = mates.t AND round(points, 9) >= 20
GROUP BY mates.g, mates.t, mates.p
HAVING arg_max(i.status, (i.reported_on, i.entry)) IN ('out', 'doubtful');

CREATE TABLE stars_out AS
SELECT r.game_id AS g, r.player_id AS p,
       (SELECT count(*) FROM team_stars_out o WHERE o.g = r.game_id AND o.t = r.team_id AND o.p <> r.player_id) AS n
FROM r;

CREATE TABLE snapshots AS  -- of everybody, in every game of the rows' seasons
SELECT l.game_id AS g, l.player_id AS p, l.book, l.captured_at, avg(l.line) AS line,
       bool_and(coalesce(l.captured_at <= coalesce(games.tip_off_at, l.tip_off_at)
                         - to_minutes(getvariable('cutoff_minutes')), false)) AS in_time
FROM points_lines l JOIN games USING (game_id) WHERE games.season IN (SELECT season FROM r)
GROUP BY ALL;

CREATE TABLE books AS
SELECT g, p, book, arg_max(line, captured_at) FILTER (in_time) AS latest,
       arg_min(line, captured_at) AS first_line, arg_min(in_time, captured_at) AS first_in_time
FROM snapshots GROUP BY g, p, book;

CREATE TABLE vegas AS
SELECT g, p, median(latest) AS line, median(first_line) FILTER (first_in_time) AS opening FROM books GROUP BY g, p;

CREATE TABLE zones AS
SELECT f.g, f.p, CASE
    WHEN getvariable('has_shot_zones') THEN CASE
      WHEN f.paint IS NULL THEN NULL
      WHEN round(f.paint, 9) >= 0.40 THEN 100 * (t.paint - l.paint)
      WHEN round(f.mid, 9) >= 0.35 THEN 100 * (t.mid - l.mid)
      WHEN round(f.three, 9) >= 0.40 THEN 100 * (t.three - l.three)
      ELSE 100 * (f.paint * (t.paint - l.paint) + f.mid * (t.mid - l.mid) + f.three * (t.three - l.three))
           / (f.paint + f.mid + f.three) END
    WHEN f.pct_three IS NULL THEN NULL
    WHEN round(f.pct_three, 9) >= 0.40 THEN 100 * (t.box3 - l.box3)
    ELSE 100 * (t.two - l.two) END * least(f.usage_10 / 0.5, 1) AS product
FROM form f JOIN r ON r.game_id = f.g AND r.player_id = f.p
JOIN team_form t ON t.g = r.game_id AND t.t = r.opponent_id AND t.n >= 3
JOIN league l ON l.season = r.season AND l.d = r.d;

CREATE MACRO clamp(x, low, high) AS CASE WHEN x IS NOT NULL THEN greatest(low, least(high, x)) END;

CREATE TABLE every_column AS
SELECT r.game_id, r.player_id, coalesce(f.n_ever, 0) > 0 AS has_history,
  f.points_avg_last_5, f.points_avg_last_10, f.points_avg_season, f.points_std_last_10,
  coalesce(f.games_in_last_7_days, 0) AS games_in_last_7_days,
  CASE WHEN f.n_year > 0 THEN clamp(100
    + CASE WHEN f.latest = r.d - 1 THEN -15
           WHEN f.latest_of_season IS NULL OR r.d - f.latest_of_season - 1 >= 3 THEN 5 ELSE 0 END
    + CASE WHEN f.games_in_last_7_days >= 4 THEN -10 ELSE 0 END
    + CASE WHEN f.minutes_7 > 240 THEN -10 ELSE 0 END
    + CASE WHEN round(f.minutes_7 / nullif(f.games_in_last_7_days, 0), 9) > 35 THEN -8 ELSE 0 END
    + CASE WHEN pairs.n >= 2 THEN -12 WHEN pairs.n = 1 THEN -5 ELSE 0 END
    + CASE WHEN datesub('year', pl.birth_date, r.d) >= 35 THEN -10
           WHEN datesub('year', pl.birth_date, r.d) >= 30 THEN -5 ELSE 0 END, 0, 100) END AS fatigue_score,
  clamp(CASE WHEN round(abs(zones.product), 9) > 5 THEN 1.2 ELSE 1 END * zones.product, -10, 10)
    AS shot_zone_mismatch_score,
  CASE WHEN own.n >= 3 AND opp.n >= 3 THEN clamp(((own.pace_10 + opp.pace_15) / 2 - league.pace) / 2, -3, 3) END AS pace_score,
  CASE WHEN f.n10 >= 3 THEN clamp(30 * (f.usage_3 - f.usage_10) * CASE
      WHEN round(f.usage_3 - f.usage_10, 9) <= 0 OR NOT getvariable('has_injuries') THEN 1
      WHEN stars_out.n >= 2 THEN 1.30 WHEN stars_out.n = 1 THEN 1.15 ELSE 1 END, -3, 3) END AS usage_spike_score,
  clamp(own.rest - opp.rest, -2, 2) AS rest_advantage,
  CASE WHEN getvariable('has_injuries') THEN CASE WHEN listed.status IN ('doubtful', 'out') THEN 3
      WHEN listed.status IN ('questionable', 'day_to_day') THEN 2 WHEN listed.status = 'probable' THEN 1 ELSE 0 END END
    AS injury_risk,
  CASE WHEN f.n5 >= 5 THEN CASE WHEN round(f.trend, 9) >= 5 THEN 2 WHEN round(f.trend, 9) >= 2 THEN 1
      WHEN round(f.trend, 9) <= -5 THEN -2 WHEN round(f.trend, 9) <= -2 THEN -1 ELSE 0 END END AS recent_trend,
  CASE WHEN f.minutes_season IS NULL OR f.minutes_avg_last_10 IS NULL THEN NULL
    WHEN round((f.minutes_avg_last_10 - f.minutes_season) / f.minutes_season, 9) >= 0.20 THEN 2
    WHEN round((f.minutes_avg_last_10 - f.minutes_season) / f.minutes_season, 9) >= 0.10 THEN 1
    WHEN round((f.minutes_avg_last_10 - f.minutes_season) / f.minutes_season, 9) <= -0.20 THEN -2
    WHEN round((f.minutes_avg_last_10 - f.minutes_season) / f.minutes_season, 9) <= -0.10 THEN -1 ELSE 0 END AS minutes_change,
  CASE WHEN opp.n >= 3 THEN opp.def_15 END AS opponent_def_rating,
  CASE WHEN opp.n >= 3 THEN opp.pace_15 END AS opponent_pace,
  r.is_home::INT AS home_away,
  EXISTS (FROM tg WHERE tg.team_id = r.team_id AND tg.game_date = r.d - INTERVAL 1 DAY)::INT AS back_to_back,
  (substr(r.game_id, 3, 1) = '4')::INT AS playoff_game,
  CASE WHEN getvariable('has_shot_zones') THEN f.paint END AS pct_paint,
  CASE WHEN getvariable('has_shot_zones') THEN f.mid END AS pct_mid_range,
  f.pct_three,
  CASE WHEN f.n10 >= 5 THEN f.ft_share END AS pct_free_throw,
  CASE WHEN own.n >= 3 THEN own.pace_10 END AS team_pace_last_10,
  CASE WHEN own.n >= 3 THEN own.off_10 END AS team_off_rating_last_10,
  CASE WHEN own.n >= 5 THEN own.win_pct END AS team_win_pct,
  vegas.line AS vegas_points_line, vegas.opening AS vegas_opening_line, vegas.line - vegas.opening AS vegas_line_move,
  (vegas.line IS NOT NULL AND coalesce(f.n_ever, 0) > 0)::INT AS has_vegas_line,
  f.avg_vs AS avg_points_vs_opponent, coalesce(f.n_vs, 0) AS games_vs_opponent,
  f.minutes_avg_last_10, f.ppm_avg_last_10,
  r.d AS game_date, coalesce(box.team_id, r.team_id) AS team_id, r.season,
  coalesce(box.opponent_id, r.opponent_id) AS opponent_id, coalesce(f.n_season, 0) AS n_active_games_season, f.minutes_avg_last_10 AS minutes_avg_last_10_active,
  CASE WHEN f.n_ever > 0 THEN vegas.line END AS line,
  CASE WHEN box.minutes > 0 THEN 'played' WHEN box.minutes = 0 THEN 'under_30_seconds'
       WHEN EXISTS (FROM tg WHERE tg.game_id = r.game_id) THEN 'absent' ELSE 'scheduled' END AS state,
  box.minutes, played.points, played.rebounds, played.assists, played.steals, played.blocks, played.turnovers, played.fg3m
FROM r
LEFT JOIN player_games box ON box.game_id = r.game_id AND box.player_id = r.player_id
LEFT JOIN player_games played ON played.game_id = r.game_id AND played.player_id = r.player_id AND played.minutes > 0
LEFT JOIN form f ON f.g = r.game_id AND f.p = r.player_id
LEFT JOIN pairs ON pairs.g = r.game_id AND pairs.p = r.player_id
LEFT JOIN players pl ON pl.player_id = r.player_id
LEFT JOIN zones ON zones.g = r.game_id AND zones.p = r.player_id
LEFT JOIN team_form own ON own.g = r.game_id AND own.t = r.team_id
LEFT JOIN team_form opp ON opp.g = r.game_id AND opp.t = r.opponent_id
LEFT JOIN league ON league.season = r.season AND league.d = r.d
LEFT JOIN stars_out ON stars_out.g = r.game_id AND stars_out.p = r.player_id
LEFT JOIN listed ON listed.g = r.game_id AND listed.p = r.player_id
LEFT JOIN vegas ON vegas.g = r.game_id AND vegas.p = r.player_id;

CREATE TABLE slate AS  -- who is expected, in which of the asked-for games, whoever then appeared
WITH sides AS (
  SELECT game_id, game_date AS d, home_team_id AS t, tip_off_at FROM games SEMI JOIN asked USING (game_id)
  UNION ALL SELECT game_id, game_date, away_team_id, tip_off_at FROM games SEMI JOIN asked USING (game_id)),
latest AS (
  SELECT s.game_id, s.d, s.t, s.tip_off_at, x.player_id, max(x.game_date) AS latest,
         arg_max(x.team_id, x.game_date) AS latest_team
  FROM sides s JOIN player_games x ON x.game_date < s.d
    AND x.game_date >= s.d - to_days(getvariable('expected_days')::INTEGER) GROUP BY ALL)
SELECT game_id, player_id, t AS team_id FROM latest
WHERE latest_team = t AND d - latest <= getvariable('expected_days')
  AND (SELECT count(*) FROM tg WHERE tg.team_id = t AND tg.game_date >= latest AND tg.game_date < d)
      <= getvariable('expected_team_games')
  AND coalesce((SELECT arg_max(i.status, (i.reported_on, i.entry)) FROM injuries i
       WHERE i.player_id = latest.player_id AND is_known(i.captured_at, i.reported_on,
         latest.tip_off_at - to_minutes(getvariable('cutoff_minutes')), latest.d)), '') NOT IN ('out', 'doubtful');
