"""Real places: counties where air is measured, and weather stations, with their coordinates.

The first of each list are spread over the map, so a small sample is still a map and not a corner.
"""

from __future__ import annotations

from typing import NamedTuple


class County(NamedTuple):
    """A county of the United States, by its federal codes, with the coordinates of its main city."""

    state_code: str
    county_code: str
    state: str
    county: str
    city: str
    cbsa: str
    latitude: float
    longitude: float


class Station(NamedTuple):
    """A weather station: USAF and WBAN number in one, elevation in metres."""

    id: str
    name: str
    latitude: float
    longitude: float
    elevation: float


COUNTIES = (
    County(
        "06", "037", "California", "Los Angeles", "Los Angeles",
        "Los Angeles-Long Beach-Anaheim, CA", 34.0665, -118.2267,
    ),
    County("36", "061", "New York", "New York", "New York", "New York-Newark-Jersey City, NY-NJ-PA", 40.8197, -73.9483),
    County("48", "201", "Texas", "Harris", "Houston", "Houston-The Woodlands-Sugar Land, TX", 29.7339, -95.2575),
    County("17", "031", "Illinois", "Cook", "Chicago", "Chicago-Naperville-Elgin, IL-IN-WI", 41.7514, -87.7135),
    County("08", "031", "Colorado", "Denver", "Denver", "Denver-Aurora-Lakewood, CO", 39.7512, -104.9876),
    County("53", "033", "Washington", "King", "Seattle", "Seattle-Tacoma-Bellevue, WA", 47.5683, -122.3086),
    County(
        "12", "086", "Florida", "Miami-Dade", "Miami",
        "Miami-Fort Lauderdale-West Palm Beach, FL", 25.7943, -80.2145,
    ),
    County("04", "013", "Arizona", "Maricopa", "Phoenix", "Phoenix-Mesa-Scottsdale, AZ", 33.5038, -112.0957),
    County(
        "27", "053", "Minnesota", "Hennepin", "Minneapolis",
        "Minneapolis-St. Paul-Bloomington, MN-WI", 44.9655, -93.2548,
    ),
    County("13", "121", "Georgia", "Fulton", "Atlanta", "Atlanta-Sandy Springs-Roswell, GA", 33.7207, -84.3574),
    County("49", "035", "Utah", "Salt Lake", "Salt Lake City", "Salt Lake City, UT", 40.7362, -111.8722),
    County("25", "025", "Massachusetts", "Suffolk", "Boston", "Boston-Cambridge-Newton, MA-NH", 42.3295, -71.0826),
    County("15", "003", "Hawaii", "Honolulu", "Honolulu", "Urban Honolulu, HI", 21.3076, -157.8583),
    County("39", "035", "Ohio", "Cuyahoga", "Cleveland", "Cleveland-Elyria, OH", 41.4921, -81.6785),
    County("22", "071", "Louisiana", "Orleans", "New Orleans", "New Orleans-Metairie, LA", 29.9941, -90.1027),
    County("02", "020", "Alaska", "Anchorage", "Anchorage", "Anchorage, AK", 61.2059, -149.8246),
    County("29", "510", "Missouri", "St. Louis City", "St. Louis", "St. Louis, MO-IL", 38.6561, -90.1985),
    County("32", "003", "Nevada", "Clark", "Las Vegas", "Las Vegas-Henderson-Paradise, NV", 36.1700, -115.1233),
    County("42", "003", "Pennsylvania", "Allegheny", "Pittsburgh", "Pittsburgh, PA", 40.4656, -79.9608),
    County("35", "001", "New Mexico", "Bernalillo", "Albuquerque", "Albuquerque, NM", 35.1343, -106.5852),
    County(
        "11", "001", "District Of Columbia", "District of Columbia", "Washington",
        "Washington-Arlington-Alexandria, DC-VA-MD-WV", 38.9218, -77.0131,
    ),
    County("41", "051", "Oregon", "Multnomah", "Portland", "Portland-Vancouver-Hillsboro, OR-WA", 45.4965, -122.6034),
    County("26", "163", "Michigan", "Wayne", "Detroit", "Detroit-Warren-Dearborn, MI", 42.2286, -83.2082),
    County("47", "157", "Tennessee", "Shelby", "Memphis", "Memphis, TN-MS-AR", 35.1752, -89.9249),
    County("40", "109", "Oklahoma", "Oklahoma", "Oklahoma City", "Oklahoma City, OK", 35.6141, -97.4751),
    County(
        "37", "119", "North Carolina", "Mecklenburg", "Charlotte",
        "Charlotte-Concord-Gastonia, NC-SC", 35.2401, -80.7857,
    ),
    County("30", "063", "Montana", "Missoula", "Missoula", "Missoula, MT", 46.8423, -114.0217),
    County("06", "019", "California", "Fresno", "Fresno", "Fresno, CA", 36.7853, -119.7732),
    County("48", "113", "Texas", "Dallas", "Dallas", "Dallas-Fort Worth-Arlington, TX", 32.8200, -96.8600),
    County("01", "073", "Alabama", "Jefferson", "Birmingham", "Birmingham-Hoover, AL", 33.5530, -86.8150),
    County("55", "079", "Wisconsin", "Milwaukee", "Milwaukee", "Milwaukee-Waukesha-West Allis, WI", 43.0610, -87.9135),
    County("20", "209", "Kansas", "Wyandotte", "Kansas City", "Kansas City, MO-KS", 39.1172, -94.6356),
    County("16", "001", "Idaho", "Ada", "Boise", "Boise City, ID", 43.6003, -116.3479),
    County("51", "087", "Virginia", "Henrico", "Richmond", "Richmond, VA", 37.5565, -77.4004),
    County("23", "005", "Maine", "Cumberland", "Portland", "Portland-South Portland, ME", 43.6608, -70.2629),
    County("38", "017", "North Dakota", "Cass", "Fargo", "Fargo, ND-MN", 46.9338, -96.8554),
    County("56", "021", "Wyoming", "Laramie", "Cheyenne", "Cheyenne, WY", 41.1823, -104.7784),
    County("18", "097", "Indiana", "Marion", "Indianapolis", "Indianapolis-Carmel-Anderson, IN", 39.8110, -86.1145),
    County(
        "45", "019", "South Carolina", "Charleston", "Charleston",
        "Charleston-North Charleston, SC", 32.8823, -79.9775,
    ),
    County("21", "111", "Kentucky", "Jefferson", "Louisville", "Louisville/Jefferson County, KY-IN", 38.2289, -85.6545),
    County("19", "153", "Iowa", "Polk", "Des Moines", "Des Moines-West Des Moines, IA", 41.6032, -93.6431),
    County("31", "055", "Nebraska", "Douglas", "Omaha", "Omaha-Council Bluffs, NE-IA", 41.2478, -95.9757),
    County("28", "049", "Mississippi", "Hinds", "Jackson", "Jackson, MS", 32.3468, -90.2256),
    County(
        "05", "119", "Arkansas", "Pulaski", "Little Rock",
        "Little Rock-North Little Rock-Conway, AR", 34.7561, -92.2813,
    ),
    County("46", "099", "South Dakota", "Minnehaha", "Sioux Falls", "Sioux Falls, SD", 43.5479, -96.7008),
    County("33", "011", "New Hampshire", "Hillsborough", "Nashua", "Manchester-Nashua, NH", 42.7188, -71.5224),
    County("54", "039", "West Virginia", "Kanawha", "Charleston", "Charleston, WV", 38.3456, -81.6283),
    County(
        "06", "067", "California", "Sacramento", "Sacramento",
        "Sacramento--Roseville--Arden-Arcade, CA", 38.6138, -121.3680,
    ),
)  # fmt: skip

STATIONS = (
    Station("03772099999", "HEATHROW, UK", 51.478300, -0.461389, 25.3),
    Station("72503014732", "LA GUARDIA AIRPORT, NY US", 40.77944, -73.88035, 3.4),
    Station("94767099999", "SYDNEY INTL, AS", -33.946111, 151.177222, 6.4),
    Station("47662099999", "TOKYO, JA", 35.683333, 139.766667, 36.0),
    Station("68816099999", "CAPE TOWN INTL, SF", -33.964806, 18.601667, 46.0),
    Station("01001099999", "JAN MAYEN NOR NAVY, NO", 70.933333, -8.666667, 9.0),
    Station("48698099999", "SINGAPORE CHANGI INTERNATIONAL, SN", 1.350189, 103.994433, 6.7),
    Station("87576099999", "MINISTRO PISTARINI, AR", -34.822222, -58.535833, 20.4),
    Station("43003099999", "CHHATRAPATI SHIVAJI INTERNATIONAL, IN", 19.088686, 72.867919, 11.3),
    Station("27612099999", "MOSKVA, RS", 55.833333, 37.616667, 156.0),
    Station("63740099999", "JOMO KENYATTA INTERNATIONAL, KE", -1.319167, 36.927500, 1624.0),
    Station("72295023174", "LOS ANGELES INTERNATIONAL AIRPORT, CA US", 33.93800, -118.38880, 29.7),
    Station("93119099999", "AUCKLAND INTL, NZ", -37.008056, 174.791667, 7.0),
    Station("10384099999", "BERLIN TEMPELHOF, GM", 52.467500, 13.402100, 48.0),
    Station("62366099999", "CAIRO INTERNATIONAL, EG", 30.121944, 31.405556, 116.4),
    Station("83780099999", "CONGONHAS, BR", -23.626667, -46.655278, 802.0),
    Station("54511099999", "BEIJING CAPITAL INTL, CH", 40.080111, 116.584556, 35.4),
    Station("70261026411", "FAIRBANKS INTERNATIONAL AIRPORT, AK US", 64.80389, -147.87611, 131.7),
    Station("89009090001", "AMUNDSEN SCOTT, AY", -90.000000, 0.000000, 2835.0),
    Station("91182022521", "HONOLULU INTERNATIONAL AIRPORT, HI US", 21.32400, -157.92940, 2.1),
    Station("04030099999", "REYKJAVIK, IC", 64.130000, -21.940556, 14.0),
    Station("40199099999", "BEN GURION, IS", 32.011389, 34.886667, 41.0),
    Station("85574099999", "ARTURO MERINO BENITEZ INTL, CI", -33.393056, -70.785833, 474.0),
    Station("72565003017", "DENVER INTERNATIONAL AIRPORT, CO US", 39.84657, -104.65623, 1647.2),
    Station("48455099999", "BANGKOK METROPOLIS, TH", 13.726111, 100.560000, 4.0),
    Station("65201099999", "MURTALA MUHAMMED, NI", 6.577369, 3.321156, 41.1),
    Station("08221099999", "BARAJAS, SP", 40.493556, -3.566764, 609.0),
    Station("71624099999", "TORONTO LESTER B PEARSON INTL, CA", 43.677223, -79.630556, 173.4),
    Station("24959099999", "JAKUTSK, RS", 62.016667, 129.716667, 103.0),
    Station("76680099999", "MEXICO CITY, MX", 19.404000, -99.196000, 2308.0),
    Station("07149099999", "ORLY, FR", 48.725278, 2.359444, 88.7),
    Station("72202012839", "MIAMI INTERNATIONAL AIRPORT, FL US", 25.78805, -80.31694, 8.8),
    Station("94120099999", "DARWIN INTL, AS", -12.414722, 130.876667, 31.4),
    Station("41194099999", "DUBAI INTL, AE", 25.255000, 55.364444, 10.4),
    Station("16239099999", "CIAMPINO, IT", 41.799361, 12.594936, 129.2),
    Station("72494023234", "SAN FRANCISCO INTERNATIONAL AIRPORT, CA US", 37.61970, -122.36560, 2.4),
    Station("84628099999", "JORGE CHAVEZ INTL, PE", -12.021889, -77.114319, 34.4),
    Station("02974099999", "HELSINKI VANTAA, FI", 60.317222, 24.963333, 54.6),
    Station("72530094846", "CHICAGO OHARE INTERNATIONAL AIRPORT, IL US", 41.99500, -87.93360, 201.8),
    Station("42182099999", "SAFDARJUNG, IN", 28.584511, 77.205781, 214.6),
)  # fmt: skip
